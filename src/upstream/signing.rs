//! Signatures of whole requests: AWS Signature Version 4.
//!
//! What is signed is what is sent: the method, the path as it stands in the URL (AWS services but
//! S3 want it encoded once more in the canonical request), the query, the body's hash, and the
//! time. So a request is signed when it goes out, each try anew.

use crate::adapter::provider::SigV4;
use crate::clock::Timestamp;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use std::time::{Duration, UNIX_EPOCH};

/// Signs the requests of one provider.
pub struct Signer {
    service: &'static str,
    region: String,
    identity: Identity,
}

/// A request that can't be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request can't be signed: check the credentials for characters that can't stand in a header")]
pub struct SigningError;

impl Signer {
    /// One that signs as the spec says, with the credentials that it names.
    pub fn new(spec: SigV4, credentials: &[(&'static str, String)]) -> Self {
        let value = |name: &str| credentials.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let identity = Credentials::new(
            value(spec.access_key).unwrap_or_default(),
            value(spec.secret_key).unwrap_or_default(),
            spec.session_token.and_then(value),
            None,
            "ringside",
        );
        Self { service: spec.service, region: value(spec.region).unwrap_or_default(), identity: identity.into() }
    }

    /// Signs `request`, whose body is `body`, as sent at `now`.
    ///
    /// # Errors
    /// [`SigningError`], where a credential or header can't be used.
    pub fn sign(&self, request: &mut reqwest::Request, body: &[u8], now: Timestamp) -> Result<(), SigningError> {
        let since = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        let params = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.service)
            .time(UNIX_EPOCH + since)
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| SigningError)?
            .into();
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let headers = content_type.map(|value| (CONTENT_TYPE.as_str(), value));
        let (method, url) = (request.method().as_str(), request.url().as_str());
        let signable = SignableRequest::new(method, url, headers.into_iter(), SignableBody::Bytes(body));
        let signed = signable.and_then(|signable| sign(signable, &params)).map_err(|_| SigningError)?;
        let (headers, _) = signed.into_parts().0.into_parts();
        for header in headers {
            let name = HeaderName::from_static(header.name());
            let mut value = HeaderValue::from_str(header.value()).map_err(|_| SigningError)?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::{Method, Request, Url};

    const SPEC: SigV4 = SigV4 {
        service: "bedrock",
        region: "region",
        access_key: "access_key",
        secret_key: "secret_key",
        session_token: Some("session_token"),
    };

    fn signed(url: &str, body: &[u8], token: Option<&str>) -> Request {
        let mut credentials = vec![
            ("access_key", "AKIDEXAMPLE".to_owned()),
            ("secret_key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            ("region", "eu-west-1".to_owned()),
        ];
        credentials.extend(token.map(|token| ("session_token", token.to_owned())));
        let mut request = Request::new(Method::POST, Url::parse(url).expect("a URL"));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // 2026-11-24T14:19:00Z.
        Signer::new(SPEC, &credentials).sign(&mut request, body, Timestamp(1_795_529_940_000)).expect("signed");
        request
    }

    /// Signatures that botocore 1.x makes of the same requests at the same time.
    #[test]
    fn signatures_are_those_of_awss_own_sdk() {
        let body = r#"{"messages":[{"role":"user","content":[{"text":"Grüße"}]}]}"#.as_bytes();
        let host = "https://bedrock-runtime.eu-west-1.amazonaws.com";
        let headers = "content-type;host;x-amz-date";
        for (url, body, token, headers, signature) in [
            (
                format!("{host}/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"),
                body,
                None,
                headers,
                "850234367e6062dbc7dffecae8b117064fcd4ffccde69c8efbd1158d8261bd9c",
            ),
            (
                format!(
                    "{host}/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A000000000000%3Ainference-profile%2Feu.anthropic.claude/converse-stream"
                ),
                body,
                Some("token/of+a=role"),
                "content-type;host;x-amz-date;x-amz-security-token",
                "067436b80892ad66ac99e18274fcc483bd31df0357766958c55f6e6acdde8c22",
            ),
            (
                "http://127.0.0.1:9/x/model/m/converse?a=b%20c&A=1".to_owned(),
                &b""[..],
                None,
                headers,
                "46eeec37eefd88f112d307fc725e403f367a9dda3700d498eb8e050a7c50d6d4",
            ),
        ] {
            let request = signed(&url, body, token);
            assert_eq!(request.headers()["x-amz-date"], "20261124T141900Z");
            assert_eq!(request.headers().get("x-amz-security-token").and_then(|it| it.to_str().ok()), token);
            assert_eq!(
                request.headers()["authorization"],
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/bedrock/aws4_request, SignedHeaders={headers}, Signature={signature}"
                ),
                "{url}"
            );
        }
    }

    #[test]
    fn nothing_of_a_signature_is_shown() {
        let request = signed("https://a.example/", b"", Some("secret-token"));
        let shown = format!("{:?}", request.headers());
        assert!(!shown.contains("secret-token") && !shown.contains("AKIDEXAMPLE"), "{shown}");
    }
}
