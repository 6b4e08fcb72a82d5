//! The conversation as one text, for models that take a prompt and no turns.

use super::view::{Chat, Part, Refused, ResultPart};
use std::fmt::Write as _;

impl Chat<'_> {
    /// All system texts, one under the other.
    pub fn system_text(&self) -> Option<String> {
        let texts: Vec<&str> = self.system_parts.iter().map(|part| &*part.text).collect();
        (!texts.is_empty()).then(|| texts.join("\n\n"))
    }

    /// A single turn is its text. Several are told with who said what, and the text ends where
    /// the model's turn begins. Calls and results of tools are told in words.
    ///
    /// # Errors
    /// [`Refused`], where something is no text.
    pub fn transcript(&self) -> Result<String, Refused> {
        let alone = matches!(self.turns.as_slice(), [turn] if turn.role == "user");
        let mut text = String::new();
        for turn in &self.turns {
            let mut said: Vec<String> = Vec::new();
            for part in &turn.parts {
                match part {
                    Part::Text(part) => said.push(part.text.clone().into_owned()),
                    Part::ToolCall(call) => said.push(format!("[called {}({})]", call.name, call.arguments_text)),
                    Part::ToolResult(result) => {
                        if result.parts.iter().any(|part| !matches!(part, ResultPart::Text(_))) {
                            return Err(refused("image_url"));
                        }
                        said.push(format!("[{} answered: {}]", result.name, result.text));
                    }
                    // Thoughts are nobody's words.
                    Part::Reasoning(_) | Part::Redacted(_) => {}
                    Part::ImageUrl(_) | Part::ImageData(_) => return Err(refused("image_url")),
                    Part::Audio(_) => return Err(refused("input_audio")),
                    Part::Document(_) => return Err(refused("file")),
                }
            }
            let said = said.join("\n");
            if alone {
                return Ok(said);
            }
            let who = if turn.role == "user" { "User" } else { "Assistant" };
            let _ = write!(text, "{who}: {said}\n\n");
        }
        if self.turns.last().is_some_and(|turn| turn.role == "user") {
            text.push_str("Assistant:");
        }
        Ok(text.trim_end().to_owned())
    }
}

fn refused(what: &'static str) -> Refused {
    Refused { param: "messages".to_owned(), what }
}
