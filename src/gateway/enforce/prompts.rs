//! What models are told about schemas: two templates, the second of which an operator may replace.

use minijinja::Environment;
use minijinja::context;

const INSTRUCTION: &str = include_str!("instruction.jinja");
const REINFORCEMENT: &str = include_str!("reinforcement.jinja");
/// Steps that a template may take.
const FUEL: u64 = 100_000;

/// The compiled templates.
pub struct Prompts {
    environment: Environment<'static>,
}

impl Prompts {
    /// With the operator's own reinforcement, where there is one.
    ///
    /// # Errors
    /// Where it does not compile or render: line and reason.
    pub fn new(own: Option<String>) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        let add = |environment: &mut Environment<'static>, name: &'static str, text: String| {
            environment.add_template_owned(name, text).map_err(|error| error.to_string())
        };
        add(&mut environment, "instruction", INSTRUCTION.to_owned())?;
        add(&mut environment, "reinforcement", own.unwrap_or_else(|| REINFORCEMENT.to_owned()))?;
        let prompts = Self { environment };
        for schema in [Some("{}"), None] {
            prompts.render("reinforcement", &["/a: an example".to_owned()], schema, 1)?;
        }
        Ok(prompts)
    }

    /// How a schema is asked for, or any object where there is none.
    pub fn instruction(&self, schema: Option<&str>, description: Option<&str>) -> String {
        let template = self.environment.get_template("instruction");
        template.and_then(|template| template.render(context! { schema, description })).unwrap_or_default()
    }

    /// What follows an answer that does not fit a schema, or is no object where there is none;
    /// `attempt` counts from 1.
    pub fn reinforcement(&self, errors: &[String], schema: Option<&str>, attempt: u32) -> String {
        self.render("reinforcement", errors, schema, attempt).unwrap_or_else(|error| {
            tracing::warn!(error, "the reinforcement template failed; only the errors are told");
            errors.join("\n")
        })
    }

    fn render(&self, name: &str, errors: &[String], schema: Option<&str>, attempt: u32) -> Result<String, String> {
        let template = self.environment.get_template(name).map_err(|error| error.to_string())?;
        template.render(context! { errors => errors.to_vec(), schema, attempt }).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompts_carry_schema_and_errors() {
        let prompts = Prompts::new(None).unwrap();
        assert!(prompts.instruction(Some("{\"type\":\"object\"}"), None).ends_with("{\"type\":\"object\"}"));
        let described = prompts.instruction(Some("{}"), Some("A {{ city }}"));
        assert!(described.contains("A {{ city }}\n") && described.ends_with("{}"), "{described}");
        let errors = ["/a: \"x\" is not of type <number>".to_owned(), "/b: missing".to_owned()];
        let told = prompts.reinforcement(&errors, Some("{}"), 1);
        assert!(told.contains("- /a: \"x\" is not of type <number>\n- /b: missing\n\nThe schema:\n{}\n"), "{told}");
        let told = prompts.reinforcement(&["no JSON".to_owned()], None, 1);
        assert_eq!(
            told,
            "Your last answer is not the one JSON object that was asked for:\n- no JSON\n\n\
             Answer again with the corrected JSON and nothing else: no prose, no code fence."
        );
    }

    #[test]
    fn an_operators_template_is_used_and_checked() {
        let prompts = Prompts::new(Some("{{ attempt }}: {{ errors | join(', ') }}".to_owned())).unwrap();
        assert_eq!(prompts.reinforcement(&["a".to_owned(), "b".to_owned()], Some("{}"), 2), "2: a, b");
        assert!(Prompts::new(Some("{{ errors".to_owned())).is_err());
        assert!(Prompts::new(Some("{% for x in range(1000000) %}{{ x }}{% endfor %}".to_owned())).is_err());
    }
}
