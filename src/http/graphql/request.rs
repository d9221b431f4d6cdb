//! The parameters of a GraphQL request, from a body or from a query string.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use http_body_util::LengthLimitError;
use serde::Deserialize;

use super::answer::Stop;
use super::text;
use crate::graphql::error::ApiError;
use crate::graphql::request::{MOST_VALUES, values};
use crate::graphql::{GraphqlRequest, RequestParams};
use crate::kernel::message::Message;

/// The parameters of a `GET`: variables and extensions are JSON in a text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UriParams {
    query: Option<String>,
    #[serde(alias = "doc_id", alias = "id")]
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// The bytes of a `POST`.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Stop> {
    if !is_json(text(headers, header::CONTENT_TYPE).as_deref()) {
        return Err(Stop::Status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Message::new(
                "请求体须为 application/json，字符集 UTF-8",
                "The body must be application/json in UTF-8",
            ),
        ));
    }
    let body = whole(headers, body, limit).await?;
    match values(&body) {
        found if found > MOST_VALUES => Err(Stop::Failed(
            ApiError::bad_request(Message::new(
                format!("请求体中的值有 {found} 个，超过上限 {MOST_VALUES}"),
                format!("The body has {found} values, the limit is {MOST_VALUES}"),
            ))
            .with_limit("values", MOST_VALUES as u64, Some(found as u64))
            .with_status(StatusCode::BAD_REQUEST),
        )),
        _ => Ok(body),
    }
}

/// The parameters of a `POST`.
pub(super) fn from_body(body: &[u8]) -> Result<GraphqlRequest, Stop> {
    match body.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(b'[') => {
            return Err(bad(
                "不支持批量请求",
                "Batches are not taken: send one request at a time",
            ));
        }
        _ => return Err(bad("请求体须为 JSON 对象", "The body must be a JSON object")),
    }
    let params: RequestParams = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => bad(
                format!("请求参数的类型不对（第 {line} 行第 {column} 列）：query、operationName 为字符串，variables、extensions 为对象"),
                format!("A parameter has the wrong type (line {line} column {column}): query and operationName are strings, variables and extensions objects"),
            ),
            _ => bad(
                format!("请求体不是合法的 JSON（第 {line} 行第 {column} 列）"),
                format!("The body is not JSON (line {line} column {column})"),
            ),
        }
    })?;
    params.into_request().ok_or_else(no_query)
}

/// The parameters of a `GET`.
pub(super) fn from_uri(uri: &Uri) -> Result<GraphqlRequest, Stop> {
    let Query(params) = Query::<UriParams>::try_from_uri(uri)
        .map_err(|_| bad("查询串参数不合法", "The query string's parameters cannot be read"))?;
    let params = RequestParams {
        query: params.query,
        document_id: params.document_id,
        // Set to nothing is left out (Appendix A, GET).
        operation_name: params.operation_name.filter(|name| !name.is_empty()),
        variables: from_json(params.variables.as_deref(), "variables")?,
        extensions: from_json(params.extensions.as_deref(), "extensions")?,
    };
    params.into_request().ok_or_else(no_query)
}

fn from_json<T: Default + serde::de::DeserializeOwned>(text: Option<&str>, name: &str) -> Result<T, Stop> {
    match text {
        None | Some("") => Ok(T::default()),
        Some(text) => serde_json::from_str(text).map_err(|_| {
            bad(
                format!("参数 {name} 须为 JSON 对象"),
                format!("The parameter {name} must be a JSON object"),
            )
        }),
    }
}

async fn whole(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Stop> {
    to_bytes(body, limit).await.map_err(|error| {
        let mut cause = Some(&error as &(dyn std::error::Error + 'static));
        while let Some(error) = cause {
            if error.is::<LengthLimitError>() {
                return Stop::Failed(
                    ApiError::bad_request(Message::new(
                        format!("请求体超过上限 {limit} 字节"),
                        format!("The body is larger than {limit} bytes"),
                    ))
                    .with_limit("body_bytes", limit as u64, declared(headers))
                    .with_status(StatusCode::PAYLOAD_TOO_LARGE),
                );
            }
            cause = error.source();
        }
        bad("请求体无法读取", "The body cannot be read")
    })
}

/// How much a body is said to have, where that is what is read of it.
fn declared(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_json(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else {
        return false;
    };
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    json && parts.filter_map(|p| p.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

fn no_query() -> Stop {
    bad(
        "缺少参数 query（或以 documentId 指明文档）",
        "The parameter query is required, or documentId, which names a document",
    )
}

fn bad(zh: impl Into<std::borrow::Cow<'static, str>>, en: impl Into<std::borrow::Cow<'static, str>>) -> Stop {
    Stop::Status(StatusCode::BAD_REQUEST, Message::new(zh, en))
}
