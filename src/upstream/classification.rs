//! What a failure means: the spec's rules first, then the status.

use super::error::UpstreamError;
use super::retry;
use crate::adapter::Provider;
use crate::adapter::glob;
use crate::adapter::provider::{ErrorBody, ErrorKind, ErrorMember};
use crate::adapter::reply::Failure;

/// Characters of a provider's message that are passed on.
const LONGEST: usize = 600;

/// An error answer as an error, where its headers say nothing.
pub fn classify(provider: &Provider, status: u16, body: &[u8], secrets: &[&str]) -> UpstreamError {
    classify_with(provider, status, &|_| None, body, secrets)
}

/// An error answer as an error. `header` looks up a header.
pub fn classify_with<'h>(
    provider: &Provider,
    status: u16,
    header: &dyn Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secrets: &[&str],
) -> UpstreamError {
    let mut parsed = (provider.errors.parse)(body);
    for (member, name) in provider.errors.headers {
        let place = match member {
            ErrorMember::Code => &mut parsed.code,
            ErrorMember::Kind => &mut parsed.kind,
            ErrorMember::Message => &mut parsed.message,
            ErrorMember::Param => &mut parsed.param,
        };
        if place.is_empty()
            && let Some(value) = header(name)
        {
            // What follows the colon says where the error is documented.
            value.split(':').next().unwrap_or_default().trim().clone_into(place);
        }
    }
    if !parsed.detail.is_empty() {
        let between = if parsed.message.is_empty() { "" } else { ": " };
        parsed.message = format!("{}{between}{}", parsed.message, parsed.detail);
    }
    let kind = rule(provider, status, &parsed).unwrap_or_else(|| by_status(status));
    let theirs = if parsed.message.is_empty() { plain_text(body) } else { parsed.message.clone() };
    let mut error = UpstreamError {
        kind,
        status: Some(status),
        message: message(provider, kind, status, &clean(&theirs, secrets)),
        code: Some(clean(&parsed.code, secrets)).filter(|code| !code.is_empty()),
        param: Some(clean(&parsed.param, secrets)).filter(|param| !param.is_empty()),
        retry_after: retry::delay(&parsed.retry_after),
        attempts: 1,
        again: provider.errors.retry.contains(&status),
    };
    if kind == ErrorKind::Auth {
        // What a provider says of a bad key often holds a part of it.
        error.code = None;
    }
    error
}

/// An error inside an answer that began well.
pub fn in_stream(provider: &Provider, failure: &Failure) -> UpstreamError {
    let body = ErrorBody {
        code: failure.code.clone(),
        kind: failure.kind.clone(),
        message: failure.message.clone(),
        param: failure.param.clone(),
        retry_after: String::new(),
        detail: String::new(),
    };
    // Some providers put the status they would have answered with into the code.
    let status = failure.code.parse().ok().filter(|status| (400..600).contains(status));
    let kind = rule(provider, status.unwrap_or(200), &body)
        .or_else(|| status.map(by_status))
        .unwrap_or(ErrorKind::Unavailable);
    let theirs = clean(&failure.message, &[]);
    UpstreamError {
        message: message(provider, kind, status.unwrap_or(200), &theirs),
        code: Some(failure.code.clone()).filter(|code| !code.is_empty()),
        param: Some(failure.param.clone()).filter(|param| !param.is_empty()),
        kind,
        ..UpstreamError::unavailable("")
    }
}

fn rule(provider: &Provider, status: u16, body: &ErrorBody) -> Option<ErrorKind> {
    let fits = |condition: Option<&str>, text: &str| {
        condition.is_none_or(|glob| !text.is_empty() && glob::matches(glob, text))
    };
    provider
        .errors
        .rules
        .iter()
        .find(|rule| {
            rule.status.is_none_or(|wanted| wanted == status)
                && fits(rule.code, &body.code)
                && fits(rule.kind, &body.kind)
                && fits(rule.message, &body.message)
        })
        .map(|rule| rule.is)
}

fn by_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Auth,
        402 | 429 => ErrorKind::Quota,
        408 | 409 | 425 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::InvalidRequest,
        _ => ErrorKind::Unavailable,
    }
}

fn message(provider: &Provider, kind: ErrorKind, status: u16, theirs: &str) -> String {
    let name = provider.name;
    let said = if theirs.is_empty() { String::new() } else { format!(" It said: {theirs}") };
    match kind {
        ErrorKind::Auth => {
            let variables: Vec<&str> =
                provider.credentials.iter().filter_map(|credential| credential.env.first().copied()).collect();
            format!(
                "{name} refused the credentials of this gateway (status {status}). Its operator must check {}.",
                variables.join(", ")
            )
        }
        ErrorKind::Quota => format!(
            "{name} refused the call for now: a rate limit or quota of this gateway's account there is used up.{said}"
        ),
        ErrorKind::Unavailable if (300..400).contains(&status) => {
            format!(
                "{name} answered with a redirect (status {status}), which is not followed. The operator must check its base URL."
            )
        }
        ErrorKind::Unavailable => {
            format!("{name} is unavailable (status {status}). Send the request again.{said}")
        }
        ErrorKind::ContextLength => format!(
            "The request does not fit the model's context window: send less, or call a model with a larger one.{said}"
        ),
        ErrorKind::ContentFilter => format!("{name}'s content filter refused the request.{said}"),
        ErrorKind::InvalidRequest => {
            format!("{name} refused the request as invalid (status {status}).{said}")
        }
    }
}

/// The text of a body that is no JSON; pages of HTML say nothing that helps.
fn plain_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST)]);
    let text = text.trim();
    if text.starts_with(['<', '{', '[']) { String::new() } else { text.to_owned() }
}

/// One line of bounded length without secrets.
fn clean(text: &str, secrets: &[&str]) -> String {
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4 * LONGEST).collect();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        text = text.replace(secret, "…");
    }
    if text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST).collect();
        text.push('…');
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::generated::ALL;

    fn provider(id: &str) -> &'static Provider {
        ALL.iter().find(|provider| provider.id == id).expect("in the table")
    }

    #[test]
    fn rules_come_before_the_status() {
        let openai = provider("openai");
        for (status, body, kind) in [
            (400, r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#, ErrorKind::ContextLength),
            (429, r#"{"error":{"message":"x","code":"insufficient_quota"}}"#, ErrorKind::Quota),
            (400, r#"{"error":{"message":"x","code":"content_filter"}}"#, ErrorKind::ContentFilter),
            (404, r#"{"error":{"message":"no such model","code":"model_not_found"}}"#, ErrorKind::InvalidRequest),
            (401, r#"{"error":{"message":"Incorrect API key provided: sk-abc"}}"#, ErrorKind::Auth),
            (500, "<html>oops</html>", ErrorKind::Unavailable),
            (302, "", ErrorKind::Unavailable),
            (418, "null", ErrorKind::InvalidRequest),
        ] {
            assert_eq!(classify(openai, status, body.as_bytes(), &[]).kind, kind, "{status} {body}");
        }
        let anthropic = provider("anthropic");
        let overloaded = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let error = classify(anthropic, 529, overloaded, &[]);
        assert_eq!((error.kind, error.again), (ErrorKind::Unavailable, true));
    }

    #[test]
    fn no_secret_and_no_page_is_passed_on() {
        let openai = provider("openai");
        let body = r#"{"error":{"message":"bad sk-secret-1 in header","code":"sk-secret-1"}}"#;
        let error = classify(openai, 400, body.as_bytes(), &["sk-secret-1"]);
        assert!(!format!("{error:?}").contains("sk-secret-1"));
        let error = classify(openai, 401, br#"{"error":{"message":"Incorrect key: sk-oth3r"}}"#, &[]);
        assert!(!format!("{error:?}").contains("sk-oth3r"));
        assert!(!classify(openai, 502, b"<html><body>nginx</body></html>", &[]).message.contains("nginx"));
        let long = "x".repeat(100_000);
        assert!(classify(openai, 400, long.as_bytes(), &[]).message.len() < 2000);
    }
}
