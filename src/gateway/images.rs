//! Images that are URLs, for providers that take only data: fetched before the request is encoded.

use super::{Error, Gateway};
use crate::adapter::view::Chat;
use crate::outbound::{Budget, OutboundError};
use base64::Engine as _;
use futures_util::future::try_join_all;
use std::collections::HashMap;
use std::time::Duration;

/// Of all images of a request together.
const MOST_BYTES: usize = 20 << 20;
const MOST_TIME: Duration = Duration::from_secs(10);
/// A request with more would keep connections busy that others need.
const MOST_IMAGES: usize = 100;

/// Fetches them, all at once and each URL once, and puts them in their places.
///
/// # Errors
/// [`Error::Image`], naming the part whose image could not be had.
pub(super) async fn fetch(gateway: &Gateway, view: &mut Chat<'_>) -> Result<(), Error> {
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for image in view.image_urls() {
        if wanted.iter().all(|(url, _)| *url != image.url) {
            wanted.push((&image.url, &image.at));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    if let Some((_, at)) = wanted.get(MOST_IMAGES) {
        return Err(failed(at, format!("there are more than {MOST_IMAGES} images to fetch")));
    }
    let budget = Budget::new(MOST_BYTES, MOST_TIME);
    let fetches = wanted.iter().map(|(url, at)| async {
        let fetched = gateway.outbound.get(url, &budget).await.map_err(|error| failed(at, said(error)))?;
        let media_type = match fetched.media_type.as_str() {
            "image/jpg" => "image/jpeg",
            other => other,
        };
        if !media_type.starts_with("image/") {
            return Err(failed(at, "its host did not answer with an image".to_owned()));
        }
        let base64 = base64::engine::general_purpose::STANDARD.encode(&fetched.body);
        Ok(((*url).to_owned(), (media_type.to_owned(), base64)))
    });
    let images: HashMap<String, (String, String)> = try_join_all(fetches).await?.into_iter().collect();
    view.put_images(&|url| images.get(url).cloned());
    Ok(())
}

fn said(error: OutboundError) -> String {
    match error {
        OutboundError::TooLarge => "the images of a request may hold 20 MB together".to_owned(),
        OutboundError::TooSlow => "it was not there within 10 s".to_owned(),
        other => other.to_string(),
    }
}

fn failed(at: &str, why: String) -> Error {
    Error::Image { param: at.to_owned(), why }
}
