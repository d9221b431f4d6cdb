//! Which media type an answer comes in (RFC 9110 section 12.5.1).

/// A media type of GraphQL responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells whether it is a GraphQL response.
    Response,
    /// `application/json`: as clients from before the other one expect it.
    #[default]
    Json,
}

impl Media {
    /// For `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Response => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// How well a media range names a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Anything,
    Kind,
    Exactly,
}

/// The weight of a type in `accept`, from the range that names it best; none where no range does.
fn weight(accept: &str, kind: &str, subtype: &str) -> Option<(Named, f32)> {
    let mut best: Option<(Named, f32)> = None;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some((k, s)) = parts.next().and_then(|essence| essence.split_once('/')) else {
            continue;
        };
        let named = match (k, s) {
            ("*", "*") => Named::Anything,
            (k, "*") if k.eq_ignore_ascii_case(kind) => Named::Kind,
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => Named::Exactly,
            _ => continue,
        };
        let mut q = 1.0;
        let mut other_charset = false;
        for (name, value) in parts.filter_map(|p| p.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => q = value.parse().unwrap_or(0.0_f32).clamp(0.0, 1.0),
                "charset" => other_charset = !value.eq_ignore_ascii_case("utf-8"),
                _ => {}
            }
        }
        if !other_charset && best.is_none_or(|(b, bq)| named > b || (named == b && q > bq)) {
            best = Some((named, q));
        }
    }
    best.filter(|(_, q)| *q > 0.0)
}

/// The media type to answer in; none where the caller takes neither. Without `Accept`, and where only a
/// wildcard fits, `application/json`.
pub(super) fn negotiate(accept: Option<&str>) -> Option<Media> {
    let Some(accept) = accept else {
        return Some(Media::Json);
    };
    let response = weight(accept, "application", "graphql-response+json");
    let json = weight(accept, "application", "json");
    match (response, json) {
        (Some((rn, rq)), Some((jn, jq))) => {
            let modern = rq > jq || (rq == jq && rn == Named::Exactly && rn >= jn);
            Some(if modern { Media::Response } else { Media::Json })
        }
        (Some(_), None) => Some(Media::Response),
        (None, Some(_)) => Some(Media::Json),
        (None, None) => None,
    }
}

/// Whether server-sent events are wanted: named, and nothing else of ours is liked better or, as much, named before.
pub(super) fn prefers_events(accept: Option<&str>) -> bool {
    let Some(accept) = accept else { return false };
    let Some((Named::Exactly, events)) = weight(accept, "text", "event-stream") else {
        return false;
    };
    let place = |kind: &str, subtype: &str| {
        let named = format!("{kind}/{subtype}");
        let mut ranges = accept
            .split(',')
            .map(|range| range.split(';').next().unwrap_or_default().trim());
        ranges.position(|range| range.eq_ignore_ascii_case(&named))
    };
    let own = place("text", "event-stream");
    ["graphql-response+json", "json"].into_iter().all(|subtype| {
        match weight(accept, "application", subtype) {
            Some((Named::Exactly, q)) if q == events => own < place("application", subtype),
            Some((_, q)) => q <= events,
            None => true,
        }
    })
}

/// Whether this is a browser's address bar: it names HTML and likes nothing of ours better.
pub(super) fn prefers_html(accept: Option<&str>) -> bool {
    let Some(accept) = accept else { return false };
    let Some((Named::Exactly, html)) = weight(accept, "text", "html") else {
        return false;
    };
    ["graphql-response+json", "json"]
        .into_iter()
        .filter_map(|subtype| weight(accept, "application", subtype))
        .all(|(named, q)| q < html || named < Named::Exactly)
}

/// Whether an answer may be packed with gzip (RFC 9110, section 12.5.3).
pub(in crate::http) fn takes_gzip(accept_encoding: Option<&str>) -> bool {
    let codings = accept_encoding
        .unwrap_or_default()
        .split(',')
        .filter_map(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().filter(|name| !name.is_empty())?;
            let mut weights = parts
                .filter_map(|part| part.split_once('='))
                .filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
            let q = weights
                .next()
                .map_or(1.0, |(_, q)| q.trim().parse().unwrap_or(0.0_f32));
            Some((name, q > 0.0))
        });
    let mut anything = false;
    for (name, is_taken) in codings {
        match name {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                return is_taken;
            }
            "*" => anything = is_taken,
            _ => {}
        }
    }
    anything
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_that_are_taken() {
        for (accept, takes) in [
            (None, false),
            (Some(""), false),
            (Some("gzip"), true),
            (Some("br, GZIP;q=0.5"), true),
            (Some("gzip; q=0"), false),
            (Some("*"), true),
            (Some("*, gzip;q=0.0"), false),
            (Some("identity, *;q=0"), false),
            (Some("gzip;q=no"), false),
        ] {
            assert_eq!(takes_gzip(accept), takes, "{accept:?}");
        }
    }

    #[test]
    fn the_heavier_type_wins_and_wildcards_mean_json() {
        use Media::{Json, Response};
        for (accept, media) in [
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(Response)),
            (
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                Some(Response),
            ),
            (
                "application/graphql-response+json, application/json;q=0.9",
                Some(Response),
            ),
            (
                "application/graphql-response+json;q=0.5, application/json;q=0.9",
                Some(Json),
            ),
            (
                "application/graphql-response+json;q=0.5, */*;q=0.1",
                Some(Response),
            ),
            ("application/graphql-response+json;q=0, */*", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("APPLICATION/JSON", Some(Json)),
            ("application/json;q=0, */*;q=0.5", Some(Response)),
            ("application/json;charset=utf-16", None),
            ("text/html", None),
            ("application/json;q=0", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(negotiate(Some(accept)), media, "{accept}");
        }
        assert_eq!(negotiate(None), Some(Json));
    }

    #[test]
    fn events_are_sent_to_who_likes_them_best() {
        for (accept, events) in [
            (Some("text/event-stream"), true),
            (Some("text/event-stream, application/json"), true),
            // urql's.
            (
                Some(
                    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
                ),
                false,
            ),
            (Some("application/json;q=0.9, text/event-stream"), true),
            (Some("text/event-stream;q=0.5, application/json"), false),
            (Some("text/event-stream, */*"), true),
            (Some("text/event-stream;q=0.5, */*"), false),
            (Some("text/*"), false),
            (Some("*/*"), false),
            (Some("text/event-stream;q=0"), false),
            (None, false),
        ] {
            assert_eq!(prefers_events(accept), events, "{accept:?}");
        }
    }

    #[test]
    fn a_browser_is_known_by_asking_for_html() {
        for (accept, html) in [
            (
                Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                true,
            ),
            (Some("text/html, application/json;q=0.9"), true),
            (Some("application/json, text/html;q=0.5"), false),
            (Some("*/*"), false),
            (Some("application/json"), false),
            (None, false),
        ] {
            assert_eq!(prefers_html(accept), html, "{accept:?}");
        }
    }
}
