//! Answers held to a JSON schema, whatever the model.
//!
//! A schema is asked for by the best means a provider has ([`ask`]): its own enforcement, a forced
//! tool, JSON mode, or words. Whatever comes back is checked here against the schema as the caller
//! gave it ([`Enforcement::judge`]); an answer that does not fit is followed by another attempt that
//! is told why. The rules, which `docs/json-schema.md` has for users:
//!
//! * `json_object` is held to "any object" where a provider has no JSON mode of its own, and left alone
//!   where it has one.
//! * An answer that was cut off (`length`), refused or filtered is passed on as it is: another
//!   attempt would end the same way, and clients know these endings from OpenAI.
//! * An answer that calls one of the caller's own tools is no final answer and is passed on.
//! * With several choices every one must fit.
//! * `strict: false` only keeps a provider from enforcing: the answer is checked all the same.

mod aside;
mod ask;
mod fuel;
mod ordered;
mod prompts;
mod recover;
mod schema;
mod subset;
mod walk;

use ordered::Ordered;

pub use ask::Failed;
pub use prompts::Prompts;
pub use schema::{Mismatch, Schema, Schemas};

use crate::adapter::provider::{ChatOperation, JsonObject, JsonSchema as Means};
use crate::adapter::reply::Said;
use crate::wire::chat::ChatRequest;
use crate::wire::request_error::RequestError;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// Attempts in all: the first, and two that are told what was wrong.
pub const ATTEMPTS: usize = 3;
/// What `json_object` is held to.
const ANY_OBJECT: &str = r#"{"type":"object"}"#;
/// Where a schema stands in a request.
const AT: &str = "response_format.json_schema";

/// What an answer is held to.
pub struct Enforcement {
    name: String,
    description: Option<String>,
    schema: Arc<Schema>,
    strict: Option<bool>,
    /// Whether `json_object` was asked for, and so no schema of the caller's.
    any_object: bool,
}

/// How one target is asked.
pub struct Plan {
    pub means: Means,
    /// The schema as it is sent.
    sent: Ordered,
    /// Whether the answer stands in a member of an object.
    wrapped: bool,
    /// The name of the tool that is the answer; empty where that is not the means.
    pub tool: String,
    /// Whether the caller's own request can be sent as it is.
    pub untouched: bool,
    /// Whether the provider itself holds its answers to the schema.
    pub native: bool,
}

/// What becomes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fits, or is of a kind that is not checked. Texts that are to stand in the place of what the
    /// model wrote, by choice.
    Taken(Vec<(u32, String)>),
    /// It does not.
    Refused { answer: String, mismatch: Mismatch },
}

#[derive(Deserialize)]
struct Format<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    json_schema: Option<Given<'a>>,
}

#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
    #[serde(default)]
    strict: Option<bool>,
}

impl Enforcement {
    /// What `request` asks for; `None` where it asks for no JSON.
    ///
    /// # Errors
    /// Where the format or the schema is wrong: nothing is sent then.
    pub fn of(request: &ChatRequest<'_>, schemas: &Schemas) -> Result<Option<Self>, RequestError> {
        let Some(raw) = request.member("response_format") else {
            return Ok(None);
        };
        let format: Format<'_> = serde_json::from_str(raw.get())
            .map_err(|error| RequestError::member("response_format", format!("Invalid 'response_format': {error}.")))?;
        match format.kind.as_deref() {
            Some("json_schema") => {}
            // A model that goes on from the caller's own beginning of an answer writes no whole object.
            Some("json_object") if ask::begins_the_answer(request) => return Ok(None),
            Some("json_object") => return Ok(Self::any_object(schemas)),
            _ => return Ok(None),
        }
        let given = format.json_schema.ok_or_else(|| RequestError::missing(AT))?;
        let name = given.name.ok_or_else(|| RequestError::missing(format!("{AT}.name")))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            let at = format!("{AT}.name");
            let message = format!("Invalid '{at}': expected 1 to 64 letters, digits, underscores or hyphens.");
            return Err(RequestError::member(at, message));
        }
        let text = given.schema.map_or("{}", RawValue::get);
        let schema = schemas.get(text).map_err(|error| {
            let at = format!("{AT}.schema");
            let message = format!("Invalid '{at}': {error}.");
            RequestError::member(at, message)
        })?;
        let description = given.description.map(Cow::into_owned).filter(|text| !text.trim().is_empty());
        Ok(Some(Self { name: name.into_owned(), description, schema, strict: given.strict, any_object: false }))
    }

    fn any_object(schemas: &Schemas) -> Option<Self> {
        let schema = schemas.get(ANY_OBJECT).ok()?;
        Some(Self { name: "answer".to_owned(), description: None, schema, strict: None, any_object: true })
    }

    /// Whether answers of `operation` are held to it here. A JSON mode of the provider's own is left alone.
    pub fn concerns(&self, operation: &ChatOperation) -> bool {
        !self.any_object || operation.json_object == JsonObject::Prompt
    }

    /// How to ask a target for it.
    pub fn plan(&self, request: &ChatRequest<'_>, operation: &ChatOperation, can: impl Fn(&str) -> bool) -> Plan {
        if self.any_object {
            return self.plan_any_object(operation);
        }
        let means = match operation.json_schema {
            Means::Native if can("json_schema") => Means::Native,
            Means::Native | Means::Tool if can("tools") => Means::Tool,
            Means::Native | Means::Tool => Means::Prompt,
            other => other,
        };
        let wrapped = matches!(means, Means::Native | Means::Tool) && !self.schema.has_object_root();
        let mut sent = if wrapped { subset::wrap(&self.schema.value) } else { self.schema.value.clone() };
        if means == Means::Native {
            sent = subset::cut(&sent, &operation.schema_subset);
        }
        // A provider whose request has a place for the schema alone is told of it there.
        if let (Means::Native, true, Some(description), Ordered::Object(members)) =
            (means, operation.rewrites_schema, &self.description, &mut sent)
            && members.get("description").is_none()
        {
            members.insert("description", description.clone());
        }
        let enforces = self.strict.unwrap_or(!operation.strict_counts);
        // What is wrapped has to be unwrapped, so it can't pass as it comes.
        let native = means == Means::Native && enforces && !wrapped;
        let untouched = means == Means::Native && sent == self.schema.value;
        let tool = if means == Means::Tool { self.tool_name(request) } else { String::new() };
        Plan { means, sent, wrapped, tool, untouched, native }
    }

    /// No tool here: a model that is shown one without members is quick to leave them all out.
    fn plan_any_object(&self, operation: &ChatOperation) -> Plan {
        let native = operation.json_object == JsonObject::Native;
        let means = if native { Means::JsonMode } else { Means::Prompt };
        Plan { means, sent: self.schema.value.clone(), wrapped: false, tool: String::new(), untouched: native, native }
    }

    /// A name that none of the caller's own tools has.
    fn tool_name(&self, request: &ChatRequest<'_>) -> String {
        let taken = ask::tool_names(request);
        // Names have 64 characters at most, all of one byte. Of the numbers one is free, since
        // there is one more of them than there are tools.
        let longer = format!("answer_{}", self.name.get(..57).unwrap_or(&self.name));
        let numbered = (0..=taken.len()).map(|number| format!("answer_{number}"));
        let names = [self.name.clone(), longer].into_iter().chain(numbered);
        names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default()
    }

    /// The body of the next attempt.
    pub fn body(
        &self,
        request: &ChatRequest<'_>,
        plan: &Plan,
        streams: bool,
        failed: &[Failed],
        prompts: &Prompts,
    ) -> Vec<u8> {
        let asking = ask::Asking {
            means: plan.means,
            name: &self.name,
            description: self.description.as_deref(),
            schema: &plan.sent,
            strict: self.strict,
            any_object: self.any_object,
            tool: &plan.tool,
            streams,
        };
        ask::body(request, &asking, failed, prompts)
    }

    /// Checks every choice of an answer.
    pub fn judge<'r>(&self, plan: &Plan, choices: impl Iterator<Item = Said<'r>>) -> Verdict {
        let mut replaced = Vec::new();
        for said in choices {
            let cut_off = matches!(said.finish, Some("length" | "content_filter"));
            if cut_off || said.refused || said.calls > 0 {
                continue;
            }
            let answer = said.text.unwrap_or_default();
            match self.fitting(plan, answer) {
                Ok(None) => {}
                Ok(Some(text)) => replaced.push((said.index, text)),
                Err(mismatch) => return Verdict::Refused { answer: answer.to_owned(), mismatch },
            }
        }
        Verdict::Taken(replaced)
    }

    /// The text that is to stand in the place of `answer`, where it fits; `None` for itself.
    fn fitting(&self, plan: &Plan, answer: &str) -> Result<Option<String>, Mismatch> {
        let recovered = if self.any_object { recover::recover_object(answer)? } else { recover::recover(answer)? };
        if plan.wrapped {
            #[derive(Deserialize)]
            struct Wrapper<'a> {
                #[serde(borrow)]
                value: &'a RawValue,
            }
            let expected = || Mismatch::new(format!("expected an object with the member \"{}\"", subset::WRAPPED));
            let wrapper: Wrapper<'_> = serde_json::from_str(&recovered.text).map_err(|_| expected())?;
            let value: Value = serde_json::from_str(wrapper.value.get()).map_err(|_| expected())?;
            self.schema.check(&value)?;
            return Ok(Some(wrapper.value.get().to_owned()));
        }
        self.schema.check(&recovered.value)?;
        Ok((recovered.text != answer).then(|| recovered.text.into_owned()))
    }
}

#[cfg(test)]
mod tests;
