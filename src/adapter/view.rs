//! The normalised request: what a spec's `request` may read. `codegen::vocab` lists these
//! members by name; a test holds the two together.

use crate::wire::members::Member;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A part of the request that a provider can't take: a 400 that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The request member, e.g. `logprobs` or `messages[2].content[1]`.
    pub param: String,
    /// What can't be taken, e.g. `image_url`.
    pub what: &'static str,
}

/// A chat request, normalised once: system text lifted out, messages folded into alternating
/// turns (tool results stand in user turns), data URIs taken apart, tool arguments parsed.
pub struct Chat<'a> {
    /// The caller's top-level members, in their order, as raw JSON; Ringside's own (`user` unless
    /// forwarded) are taken out already. What `$pass: all` copies.
    pub raw: &'a [Member<'a>],
    /// The provider's own model id.
    pub model: &'a str,
    /// The catalogue's row of the model.
    pub model_info: ModelInfo,
    pub stream: bool,
    /// The output limit to send: the caller's, or what admission lowered it to.
    pub output_limit: Option<u64>,
    /// The caller's messages one by one as raw members, for `$pass` inside `messages`.
    pub messages: Vec<RawMessage<'a>>,
    pub system_parts: Vec<SystemPart<'a>>,
    pub turns: Vec<Turn<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Functions that the conversation calls and that are not offered now: there are providers
    /// that take no call in the history of a function they are not told of.
    pub called_tools: Vec<CalledTool<'a>>,
    pub parallel_tool_calls: Option<bool>,
    pub response_format: Option<ResponseFormat<'a>>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub seed: Option<i64>,
    pub stop: Vec<Cow<'a, str>>,
    pub n: Option<u64>,
    pub logprobs: Option<bool>,
    pub top_logprobs: Option<u64>,
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Tokens to think with: the effort's share of the output limit (low 20 %, medium 50 %,
    /// high 80 %), from 1,024 to 32,000 and below the limit; absent where the limit leaves no room.
    pub reasoning_budget: Option<u64>,
    /// A hash of the customer, where the operator forwards one.
    pub user: Option<&'a str>,
}

impl<'a> ImageUrl<'a> {
    fn fetched(&self, found: &dyn Fn(&str) -> Option<(String, String)>) -> Option<ImageData<'a>> {
        let (media_type, base64) = found(&self.url)?;
        let format = media_type.strip_prefix("image/").unwrap_or(&media_type).to_owned();
        Some(ImageData {
            media_type: media_type.into(),
            format: format.into(),
            base64: base64.into(),
            cache_control: self.cache_control,
        })
    }
}

impl<'a> Chat<'a> {
    /// The tools, or only the one that `tool_choice` names: for providers that can be told to call
    /// a tool, but not which.
    pub fn callable_tools(&self) -> impl Iterator<Item = &Tool<'a>> {
        let named = match &self.tool_choice {
            Some(ToolChoice::Named(tool)) => Some(&*tool.name),
            _ => None,
        };
        self.tools.iter().filter(move |tool| named.is_none_or(|name| tool.name == name))
    }

    /// Whether any JSON object is asked for, without a schema.
    pub fn json_object(&self) -> bool {
        matches!(self.response_format, Some(ResponseFormat::JsonObject))
    }

    /// The images that are URLs, in the order of the request.
    pub fn image_urls(&self) -> Vec<&ImageUrl<'_>> {
        let mut urls = Vec::new();
        for part in self.turns.iter().flat_map(|turn| &turn.parts) {
            match part {
                Part::ImageUrl(image) => urls.push(image),
                Part::ToolResult(result) => urls.extend(result.parts.iter().filter_map(|part| match part {
                    ResultPart::ImageUrl(image) => Some(image),
                    _ => None,
                })),
                _ => {}
            }
        }
        urls
    }

    /// Puts images in the place of their URLs; `found` gives the media type and the base64 of one.
    pub fn put_images(&mut self, found: &dyn Fn(&str) -> Option<(String, String)>) {
        for part in self.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
            match part {
                Part::ImageUrl(image) => {
                    if let Some(data) = image.fetched(found) {
                        *part = Part::ImageData(data);
                    }
                }
                Part::ToolResult(result) => {
                    for part in &mut result.parts {
                        if let ResultPart::ImageUrl(image) = part
                            && let Some(data) = image.fetched(found)
                        {
                            *part = ResultPart::ImageData(data);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a tool must be called.
    pub fn tool_forced(&self) -> bool {
        matches!(self.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)))
    }

    /// Whether tools are given and none may be called.
    pub fn tools_forbidden(&self) -> bool {
        matches!(self.tool_choice, Some(ToolChoice::None))
    }
}

/// What a mapping may ask of the catalogue.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelInfo {
    /// Most tokens of one answer; 4,096 where the catalogue doesn't know.
    pub max_output: u64,
}

/// One message of the caller, member by member.
pub struct RawMessage<'a> {
    /// Who speaks, in the caller's word.
    pub role: &'static str,
    pub raw: &'a [Member<'a>],
}

/// A piece of the system text (system and developer messages).
pub struct SystemPart<'a> {
    pub text: Cow<'a, str>,
    pub cache_control: Option<&'a RawValue>,
}

/// One side's turn. `user` turns also hold tool results.
pub struct Turn<'a> {
    /// `user` or `assistant`.
    pub role: &'static str,
    pub parts: Vec<Part<'a>>,
}

impl<'a> Turn<'a> {
    /// The parts without calls and results: for providers that have these elsewhere.
    pub fn said(&self) -> impl Iterator<Item = &Part<'a>> {
        self.parts.iter().filter(|part| !matches!(part, Part::ToolCall(_) | Part::ToolResult(_)))
    }

    /// All texts together; `None` where there are none.
    pub fn text(&self) -> Option<String> {
        let texts =
            self.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(&*text.text) } else { None });
        texts.fold(None, |whole, text| Some(whole.unwrap_or_default() + text))
    }

    pub fn calls(&self) -> impl Iterator<Item = &ToolCall<'a>> {
        self.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None })
    }

    pub fn results(&self) -> impl Iterator<Item = &ToolResult<'a>> {
        self.parts.iter().filter_map(|part| if let Part::ToolResult(result) = part { Some(result) } else { None })
    }
}

/// A part of a turn.
pub enum Part<'a> {
    Text(Text<'a>),
    ImageUrl(ImageUrl<'a>),
    ImageData(ImageData<'a>),
    Audio(Audio<'a>),
    Document(Document<'a>),
    Reasoning(Reasoning<'a>),
    Redacted(Redacted<'a>),
    ToolCall(ToolCall<'a>),
    ToolResult(ToolResult<'a>),
}

/// A part of a tool's result.
pub enum ResultPart<'a> {
    Text(Text<'a>),
    ImageUrl(ImageUrl<'a>),
    ImageData(ImageData<'a>),
}

pub struct Text<'a> {
    pub text: Cow<'a, str>,
    /// What this very provider signed the text with.
    pub seal: Option<Cow<'a, str>>,
    pub cache_control: Option<&'a RawValue>,
}
pub struct ImageUrl<'a> {
    /// Where it stands in the request, such as `messages[2].content[1].image_url`.
    pub at: String,
    pub url: Cow<'a, str>,
    pub detail: Option<Cow<'a, str>>,
    pub cache_control: Option<&'a RawValue>,
}
pub struct ImageData<'a> {
    /// `image/png`.
    pub media_type: Cow<'a, str>,
    /// `png`.
    pub format: Cow<'a, str>,
    pub base64: Cow<'a, str>,
    pub cache_control: Option<&'a RawValue>,
}
pub struct Audio<'a> {
    /// `wav`, `mp3`.
    pub format: Cow<'a, str>,
    pub base64: Cow<'a, str>,
}
pub struct Document<'a> {
    /// `application/pdf`.
    pub media_type: Cow<'a, str>,
    /// `pdf`; `txt` where the type says nothing else.
    pub format: &'static str,
    pub base64: Cow<'a, str>,
    pub filename: Option<Cow<'a, str>>,
    /// The name in letters that every provider takes, unlike that of any other document.
    pub title: String,
}
/// Thinking that this very provider made before; that of others is left out of the view.
pub struct Reasoning<'a> {
    pub text: Cow<'a, str>,
    pub signature: Option<Cow<'a, str>>,
}
/// Encrypted thinking that this very provider made before.
pub struct Redacted<'a> {
    pub data: Cow<'a, str>,
}
pub struct ToolCall<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// A JSON object; `{}` where the caller's arguments were empty.
    pub arguments: Cow<'a, RawValue>,
    /// The same as the caller wrote it, `{}` likewise.
    pub arguments_text: Cow<'a, str>,
    /// What this very provider signed the call with.
    pub seal: Option<Cow<'a, str>>,
    /// The first call of a message of which this provider sealed none: another provider made it,
    /// or the caller has lost the seals.
    pub foreign: bool,
}
pub struct ToolResult<'a> {
    pub call_id: Cow<'a, str>,
    /// The name of the function called, looked up in the history.
    pub name: Cow<'a, str>,
    /// All text parts together.
    pub text: Cow<'a, str>,
    pub parts: Vec<ResultPart<'a>>,
    pub cache_control: Option<&'a RawValue>,
}
pub struct Tool<'a> {
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
    /// The schema of the arguments; an empty object schema where the caller gave none.
    pub parameters: Cow<'a, RawValue>,
    pub strict: Option<bool>,
    pub cache_control: Option<&'a RawValue>,
}
pub struct CalledTool<'a> {
    pub name: Cow<'a, str>,
}
pub enum ToolChoice<'a> {
    Auto,
    None,
    Required,
    Named(NamedTool<'a>),
}
pub struct NamedTool<'a> {
    pub name: Cow<'a, str>,
}
pub enum ResponseFormat<'a> {
    Text,
    JsonObject,
    JsonSchema(SchemaFormat<'a>),
}
pub struct SchemaFormat<'a> {
    pub name: Cow<'a, str>,
    pub schema: &'a RawValue,
    pub strict: Option<bool>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningEffort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

/// A request of an operation without a normalised form of its own (embeddings, moderations).
pub struct Plain<'a> {
    pub raw: &'a [Member<'a>],
    pub model: &'a str,
    /// The texts to embed, where the operation reads them.
    pub inputs: Vec<Input<'a>>,
    /// Numbers of each vector.
    pub dimensions: Option<u64>,
}

impl Plain<'_> {
    /// The text to embed.
    ///
    /// # Errors
    /// [`Refused`], where there are several.
    pub fn only_input(&self) -> Result<&str, Refused> {
        match self.inputs.as_slice() {
            [input] => Ok(&input.text),
            _ => Err(Refused { param: "input".to_owned(), what: "several texts" }),
        }
    }
}

/// One input of an embeddings request.
pub struct Input<'a> {
    pub text: Cow<'a, str>,
}

impl ReasoningEffort {
    /// From none to most.
    pub const ALL: [ReasoningEffort; 6] = [
        ReasoningEffort::None,
        ReasoningEffort::Minimal,
        ReasoningEffort::Low,
        ReasoningEffort::Medium,
        ReasoningEffort::High,
        ReasoningEffort::Xhigh,
    ];

    /// OpenAI's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReasoningEffort::None => "none",
            ReasoningEffort::Minimal => "minimal",
            ReasoningEffort::Low => "low",
            ReasoningEffort::Medium => "medium",
            ReasoningEffort::High => "high",
            ReasoningEffort::Xhigh => "xhigh",
        }
    }
}
