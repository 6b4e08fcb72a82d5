//! Tools, formats and effort.

use crate::adapter::parse::{Object, Text, Truth};
use crate::adapter::view::{NamedTool, ReasoningEffort, ResponseFormat, SchemaFormat, Tool, ToolChoice};
use crate::wire::chat::ChatRequest;
use crate::wire::request_error::RequestError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The schema of a function that takes nothing.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

#[derive(Deserialize, Default)]
struct RawTool<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    function: Object<Function<'a>>,
    #[serde(borrow, default)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    description: Text<'a>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    #[serde(default)]
    strict: Truth,
    #[serde(borrow, default)]
    cache_control: Option<&'a RawValue>,
}

/// The functions that may be called.
pub(super) fn tools<'a>(request: &'a ChatRequest<'a>) -> Result<Vec<Tool<'a>>, RequestError> {
    let Some(raw) = request.member("tools") else {
        return Ok(Vec::new());
    };
    let list: Vec<&'a RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| RequestError::of_type("tools", "an array", raw.get()))?;
    list.into_iter().enumerate().map(|(index, raw)| tool(index, raw)).collect()
}

fn tool(index: usize, raw: &RawValue) -> Result<Tool<'_>, RequestError> {
    let at = |member: &str| format!("tools[{index}]{member}");
    let wrong = || RequestError::of_type(at(""), "an object", raw.get());
    let tool: Object<RawTool<'_>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    if !tool.is_present() {
        return Err(wrong());
    }
    let tool = tool.into_inner();
    if tool.kind.get().is_some_and(|kind| kind != "function") {
        return Err(RequestError::member(
            at(".type"),
            format!("Invalid value for '{}': this model only takes tools of type 'function'.", at(".type")),
        ));
    }
    let function = tool.function.into_inner();
    let name = function.name.into_inner().filter(|name| !name.is_empty());
    let parameters = match function.parameters.filter(|schema| schema.get() != "null") {
        Some(schema) if schema.get().starts_with('{') => Cow::Borrowed(schema),
        Some(other) => {
            return Err(RequestError::of_type(at(".function.parameters"), "an object", other.get()));
        }
        None => Cow::Owned(RawValue::from_string(NO_PARAMETERS.to_owned()).map_err(|_| wrong())?),
    };
    Ok(Tool {
        name: name.ok_or_else(|| RequestError::missing(at(".function.name")))?,
        description: function.description.into_inner(),
        parameters,
        strict: function.strict.get(),
        cache_control: tool.cache_control.or(function.cache_control).filter(|mark| mark.get() != "null"),
    })
}

#[derive(Deserialize, Default)]
struct RawChoice<'a> {
    #[serde(borrow, default)]
    function: Object<Function<'a>>,
}

/// Whether and which tool must be called.
pub(super) fn tool_choice<'a>(request: &'a ChatRequest<'a>) -> Result<Option<ToolChoice<'a>>, RequestError> {
    let Some(raw) = request.member("tool_choice") else {
        return Ok(None);
    };
    match raw.get() {
        "\"auto\"" => return Ok(Some(ToolChoice::Auto)),
        "\"none\"" => return Ok(Some(ToolChoice::None)),
        "\"required\"" => return Ok(Some(ToolChoice::Required)),
        _ => {}
    }
    let choice: Option<RawChoice<'a>> = serde_json::from_str(raw.get()).ok();
    match choice.and_then(|choice| choice.function.into_inner().name.into_inner()) {
        Some(name) => Ok(Some(ToolChoice::Named(NamedTool { name }))),
        None => Err(RequestError::member(
            "tool_choice",
            "Invalid value for 'tool_choice': expected 'none', 'auto', 'required', or an object that names a function: {\"type\": \"function\", \"function\": {\"name\": …}}.",
        )),
    }
}

#[derive(Deserialize, Default)]
struct RawFormat<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    json_schema: Object<RawSchema<'a>>,
}

#[derive(Deserialize, Default)]
struct RawSchema<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
    #[serde(default)]
    strict: Truth,
}

/// What the answer must be.
pub(super) fn response_format<'a>(request: &'a ChatRequest<'a>) -> Result<Option<ResponseFormat<'a>>, RequestError> {
    let Some(raw) = request.member("response_format") else {
        return Ok(None);
    };
    let wrong = || RequestError::of_type("response_format", "an object", raw.get());
    let format: RawFormat<'a> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    match format.kind.get() {
        Some("text") => Ok(Some(ResponseFormat::Text)),
        Some("json_object") => Ok(Some(ResponseFormat::JsonObject)),
        Some("json_schema") => {
            let given = format.json_schema.into_inner();
            let at = "response_format.json_schema";
            let schema = given.schema.filter(|schema| schema.get().starts_with('{'));
            Ok(Some(ResponseFormat::JsonSchema(SchemaFormat {
                name: given.name.into_inner().ok_or_else(|| RequestError::missing(format!("{at}.name")))?,
                schema: schema.ok_or_else(|| RequestError::missing(format!("{at}.schema")))?,
                strict: given.strict.get(),
            })))
        }
        _ => Err(RequestError::member(
            "response_format.type",
            "Invalid value for 'response_format.type': expected 'text', 'json_object' or 'json_schema'.",
        )),
    }
}

/// OpenAI's word, parsed. Other words are refused only here, where their meaning is needed:
/// a provider that speaks OpenAI's dialect may know more of them.
pub(super) fn effort(request: &ChatRequest<'_>) -> Result<Option<ReasoningEffort>, RequestError> {
    let Some(word) = &request.reasoning_effort else {
        return Ok(None);
    };
    if let Some(effort) = ReasoningEffort::ALL.iter().find(|effort| effort.as_str() == &**word) {
        return Ok(Some(*effort));
    }
    let words: Vec<&str> = ReasoningEffort::ALL.iter().map(|effort| effort.as_str()).collect();
    let message = format!("Invalid value for 'reasoning_effort': expected one of {}.", words.join(", "));
    Err(RequestError::member("reasoning_effort", message))
}

/// Tokens to think with: a share of the output limit, and room left for the answer.
pub(super) fn budget(effort: ReasoningEffort, limit: u64) -> Option<u64> {
    const LEAST: u64 = 1024;
    const MOST: u64 = 32_000;
    let per_cent = match effort {
        ReasoningEffort::None => return None,
        ReasoningEffort::Minimal => 0,
        ReasoningEffort::Low => 20,
        ReasoningEffort::Medium => 50,
        ReasoningEffort::High => 80,
        ReasoningEffort::Xhigh => 90,
    };
    let budget = (limit / 100 * per_cent).clamp(LEAST, MOST);
    (budget < limit).then_some(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_leaves_room_for_the_answer() {
        assert_eq!(budget(ReasoningEffort::Low, 10_000), Some(2000));
        assert_eq!(budget(ReasoningEffort::High, 128_000), Some(32_000));
        assert_eq!(budget(ReasoningEffort::Minimal, 4096), Some(1024));
        assert_eq!(budget(ReasoningEffort::High, 1024), None);
        assert_eq!(budget(ReasoningEffort::None, 10_000), None);
    }
}
