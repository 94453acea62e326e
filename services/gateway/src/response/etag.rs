//! Entity tags, and the answer 304 (RFC 9110, sections 8.8.3 and 13.1.2).

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, EntityTag, Header, HeaderValue, IF_NONE_MATCH, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Bytes of the hash that stand in a tag: enough that two versions of one resource never share it.
const TAG_BYTES: usize = 12;

/// A tag, and the header that it is written as: a body that is rendered once answers many requests.
#[derive(Debug, Clone)]
pub struct Tag {
    tag: EntityTag,
    header: HeaderValue,
}

/// The tag of one text.
pub fn of_text(text: &str) -> Tag {
    of_hash(Sha256::digest(text.as_bytes()).as_slice())
}

/// The tag of these parts; where one ends and the next begins matters.
pub fn of_parts(parts: &[&[u8]]) -> Tag {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    of_hash(hash.finalize().as_slice())
}

/// The tag of what has this SHA-256. Tags are weak, because the same data may be compressed in different ways.
pub fn of_hash(hash: &[u8]) -> Tag {
    let tag = EntityTag::new_weak(URL_SAFE_NO_PAD.encode(&hash[..TAG_BYTES]));
    // Base64 is within what a header may hold.
    let header = HeaderValue::try_from(tag.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""));
    Tag { tag, header }
}

/// The answer to a GET whose representation has this tag: what `full` makes, or 304 if the client has it already.
pub fn respond(
    request: &HttpRequest,
    tag: &Tag,
    cache_control: HeaderValue,
    full: impl FnOnce(&mut HttpResponseBuilder) -> HttpResponse,
) -> HttpResponse {
    let is_known = matches_if_none_match(request, &tag.tag);
    let mut response = HttpResponse::build(if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    // Both go out with 304 as well, which renews what the client stores.
    response
        .insert_header((ETAG, tag.header.clone()))
        .insert_header((CACHE_CONTROL, cache_control));
    if is_known {
        response.finish()
    } else {
        full(&mut response)
    }
}

fn matches_if_none_match(request: &HttpRequest, tag: &EntityTag) -> bool {
    if !request.headers().contains_key(IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("W/\"abc\"", true)]
    #[case("\"abc\"", true)]
    #[case("*", true)]
    #[case("\"x\", W/\"abc\"", true)]
    #[case("\"x\",\"abc\"", true)]
    #[case("\"abcd\"", false)]
    #[case("abc", false)]
    #[case("", false)]
    fn tag_is_compared_weakly_with_every_one_in_the_header(#[case] header: &str, #[case] expected: bool) {
        let request = TestRequest::default()
            .insert_header(("If-None-Match", header))
            .to_http_request();
        let tag = EntityTag::new_weak("abc".to_owned());
        assert_eq!(matches_if_none_match(&request, &tag), expected);
    }
}
