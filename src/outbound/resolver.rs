//! Names to addresses, of which only those are given out that may be connected to.

use super::Reach;
use super::address::allowed;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;
use std::sync::Arc;

/// The resolver of the guarded client: what it answers is what is connected to.
pub struct Checked {
    pub reach: Reach,
    pub lookup: Lookup,
}

/// How names are looked up: the machine's way, but in tests.
pub type Lookup = Arc<dyn Fn(String) -> LookedUp + Send + Sync>;
type LookedUp = std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

/// A name leads to no address that may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to no public address")]
pub struct NotPublic;

/// Asks the machine.
pub fn of_machine() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, found) = (self.reach, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            let good: Vec<SocketAddr> = found.into_iter().filter(|address| allowed(address.ip(), reach)).collect();
            if good.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
