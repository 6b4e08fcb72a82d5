//! What a server token may do.

/// One permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Inference, conversations, assistants.
    Chat,
    /// Every GET.
    Read,
    /// Customers, wallets, account.
    Write,
    Webhooks,
    ClientTokens,
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope `{0}`; the scopes are {all}", all = Scope::ALL.map(Scope::name).join(", "))]
pub struct UnknownScope(pub String);

impl Scope {
    pub const ALL: [Scope; 5] = [Scope::Chat, Scope::Read, Scope::Write, Scope::Webhooks, Scope::ClientTokens];

    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Chat => "api:chat",
            Scope::Read => "api:read",
            Scope::Write => "api:write",
            Scope::Webhooks => "api:webhooks",
            Scope::ClientTokens => "api:client_tokens",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Scopes {
    /// Every permission: what a token has unless it is told otherwise.
    pub const ALL: Scopes = Scopes(0b1_1111);

    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Reads names.
    ///
    /// # Errors
    /// [`UnknownScope`], for the first that is none.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownScope> {
        let mut scopes = Scopes(0);
        for name in names {
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == name);
            scopes.0 |= scope.ok_or_else(|| UnknownScope(name.chars().take(64).collect()))?.bit();
        }
        Ok(scopes)
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        Scope::ALL.into_iter().filter(|scope| self.contains(*scope)).map(Scope::name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let all = Scopes::parse(Scope::ALL.map(Scope::name)).unwrap();
        assert_eq!(all, Scopes::ALL);
        let some = Scopes::parse(["api:chat", "api:webhooks"]).unwrap();
        assert!(some.contains(Scope::Chat) && some.contains(Scope::Webhooks) && !some.contains(Scope::Read));
        assert_eq!(Scopes::parse(some.names()), Ok(some));
        assert!(Scopes::parse(["api:everything"]).unwrap_err().to_string().contains("api:client_tokens"));
    }
}
