//! What the service holds its callers to, told to them: clients that know the limits stay within them.
//!
//! The figures are the configuration's, handed in once at the start (`app.rs`); nothing of them is written down twice.

use std::time::Duration;

use async_graphql::{Context, Object, SimpleObject};

use super::{caller::Caller, error::ApiError, guard::Limits};
use crate::{auth::Role, storage::StoreError};

/// A number as the API has it: of 32 bits. What is more is no limit that a client would meet.
pub fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// 服务限额 · What the service holds its callers to. What passes a limit of documents is refused with QUERY_TOO_COMPLEX, of
/// requests with BAD_REQUEST, with the limit, what it allows and what was found (where that is known) in the error's extensions;
/// the reason of a socket's close frame says the same.
#[derive(Clone, Debug, SimpleObject)]
pub struct ServiceLimits {
    /// 查询文档 · What a GraphQL document may come to.
    pub document: DocumentLimits,
    /// 请求 · What one request may come to.
    pub request: RequestLimits,
    /// 积分推送 · What a platform may deliver at once.
    pub points: PointsLimits,
    /// 实时连接 · Sockets, event streams, and for how long they can be resumed.
    pub live: LiveLimits,
    /// 频率限制 · What a caller may use up; null where that is not limited.
    pub rate: Option<RateLimits>,
    /// 持久化文档 · Which documents are taken.
    pub documents: PersistedDocuments,
}

/// 文档限额 · What a GraphQL document may come to, fragments expanded. Each is the `limit` of an error by the same name in snake case.
#[derive(Clone, Debug, SimpleObject)]
pub struct DocumentLimits {
    /// 字节数 · Bytes of the text (`document_bytes` in errors).
    pub bytes: i32,
    /// 嵌套层数 · Brackets of any kind open at once.
    pub nesting: i32,
    /// 词法单元数 · Tokens: names, numbers, strings, punctuation.
    pub tokens: i32,
    /// 名称字节数 · Bytes of a name, aliases among them.
    pub name_bytes: i32,
    /// 字段深度 · Fields within fields; introspection is exempt.
    pub depth: i32,
    /// 别名数 · Aliases of an operation.
    pub aliases: i32,
    /// 指令数 · Directives of an operation.
    pub directives: i32,
    /// 根字段数 · Fields of the root of an operation.
    pub root_fields: i32,
    /// 重复次数 · Times that one response key stands in one selection.
    pub repeats: i32,
    /// 开销 · Units of cost of an operation; a unit is about a microsecond of the service's time.
    pub cost: i32,
    /// 内省开销 · Units of cost of what is asked of the schema itself.
    pub introspection_cost: i32,
    /// 校验步数 · Selections and uses of variables that validation looks at, in all operations of the document together.
    pub validation_steps: i32,
    /// 变量字节数 · Bytes of the variables' values, each as often as the operation uses it.
    pub variable_bytes: i32,
    /// 订阅变量字节数 · Bytes of the values of a subscription's variables.
    pub subscription_variable_bytes: i32,
}

impl From<&Limits> for DocumentLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            bytes: int(limits.document_bytes),
            nesting: int(limits.nesting),
            tokens: int(limits.tokens),
            name_bytes: int(limits.name_bytes),
            depth: int(limits.depth),
            aliases: int(limits.aliases),
            directives: int(limits.directives),
            root_fields: int(limits.root_fields),
            repeats: int(limits.repeats),
            cost: int(limits.cost),
            introspection_cost: int(limits.introspection_cost),
            validation_steps: int(limits.validation_steps),
            variable_bytes: int(limits.variable_bytes),
            subscription_variable_bytes: int(limits.subscription_variable_bytes),
        }
    }
}

/// 请求限额 · What one request may come to. Each is the `limit` of an error by the same name in snake case.
#[derive(Clone, Debug, SimpleObject)]
pub struct RequestLimits {
    /// 请求体字节数 · Bytes of a request's body, unpacked.
    pub body_bytes: i32,
    /// 值的个数 · Values of a body, or of a message of a socket: members, items, lists and objects.
    pub values: i32,
    /// 超时秒数 · Seconds after which a query is given up.
    pub timeout: f64,
    /// 每页条数 · Items of a page of a connection (`first`, `last`).
    pub page_size: i32,
    /// 一次查询的标识数 · Ids that `nodes` takes.
    pub nodes: i32,
}

/// 积分推送限额 · What a platform may deliver at once.
#[derive(Clone, Debug, SimpleObject)]
pub struct PointsLimits {
    /// 每次条目数 · Entries of one `pushPoints`; a body sent to `/platform/…/points` has no such end.
    pub entries_per_delivery: i32,
    /// 每行字节数 · Bytes of a row of `/platform/…/points` that are read.
    pub row_bytes: i32,
    /// 签名请求体字节数 · Bytes of a signed body, unpacked.
    pub signed_body_bytes: i32,
}

/// 实时连接限额 · Sockets, event streams, and for how long they can be resumed.
#[derive(Clone, Debug, SimpleObject)]
pub struct LiveLimits {
    /// 消息字节数 · Bytes of a message of a socket.
    pub message_bytes: i32,
    /// 初始化消息字节数 · Bytes of a message before the socket is acknowledged, and of a ping.
    pub init_message_bytes: i32,
    /// 每个连接的操作数 · Operations of one socket at once.
    pub operations_per_socket: i32,
    /// 每个用户的连接数 · Sockets and event streams of one caller at once; who has no token is its address.
    pub sockets_per_caller: i32,
    /// 初始化秒数 · Seconds within which a socket is to be initialised.
    pub init_timeout: f64,
    /// 变更保留天数 · Days that a cursor of `changes` goes on working.
    pub changes_retention_days: i32,
    /// 幂等键保留天数 · Days that an `Idempotency-Key` is known.
    pub idempotency_retention_days: i32,
}

/// 频率限制 · What a caller may use up, in units of cost (`document.cost`).
#[derive(Clone, Debug, SimpleObject)]
pub struct RateLimits {
    /// 突发额度 · Units of cost at once, after having been quiet.
    pub burst: i32,
    /// 每秒额度 · Units of cost that are given back a second.
    pub per_second: i32,
}

/// 持久化文档 · Which documents are taken.
#[derive(Clone, Debug)]
pub struct PersistedDocuments {
    /// Whether a document that has passed may be asked for by its SHA-256.
    pub automatic: bool,
    /// The roles that may send documents that are not registered.
    pub any_document: Vec<Role>,
}

/// 持久化文档 · Which documents are taken.
#[Object]
impl PersistedDocuments {
    /// 自动持久化查询 · Whether a document that was sent before may be asked for by its SHA-256.
    async fn automatic_persisted_queries(&self) -> bool {
        self.automatic
    }

    /// 仅限登记文档 · Whether the caller may only send documents that the deployment has registered.
    async fn only_trusted(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        Ok(!self.any_document.contains(&Caller::of(ctx)?.requester.role()))
    }
}

/// Seconds as the API has them.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// The root of the limits.
#[derive(Default)]
pub struct LimitsQuery;

#[Object]
impl LimitsQuery {
    /// 服务限额 · What the service holds its callers to, for every role. It changes only when the service is started anew.
    async fn service_limits<'c>(&self, ctx: &'c Context<'_>) -> Result<&'c ServiceLimits, ApiError> {
        ctx.data_opt()
            .ok_or_else(|| StoreError::Corrupt("a schema without its limits".to_owned()).into())
    }
}
