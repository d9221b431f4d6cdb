//! From a request's parts to a response that may be sent: guard, parse, variables, validation, execution,
//! errors. Transports (HTTP, WebSocket, SSE) differ in how they read and write, not in what happens here.

mod context;
mod executed;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{OperationType, Selection};
use async_graphql::{
    ObjectType, Request, Response, Schema, SchemaBuilder, ServerError, SubscriptionType, ValidationMode,
};
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};

pub use super::prepare::{Fault, Prepared, kind_name};
pub use context::{GraphqlRequest, RequestContext, RequestId};
pub use executed::Executed;

use super::batch::{LoaderQueue, drive};
use super::documents::{self, Document, Documents};
use super::error::{ApiError, ErrorCode, Renderer};
use super::guard::{self, Limits, MAX_NESTING, cost_with};
use super::literals;
use super::sdl::{SchemaHints, SchemaTypes};
use super::variables;
use crate::kernel::message::{Lang, Message};

/// Memory that kept documents may take, unless [`Engine::with_document_memory`] says otherwise.
const DOCUMENT_MEMORY: u64 = 8 * 1024 * 1024;

/// A panic while a request was executed; a defect, kept from taking the connection down.
#[derive(Debug, thiserror::Error)]
#[error("panic: {0}")]
struct Panicked(String);

/// A schema behind the guard.
pub struct Engine<Query, Mutation, Subscription> {
    /// Validates everything; for documents seen for the first time.
    strict: Schema<Query, Mutation, Subscription>,
    /// Only executes; for documents that the strict one has passed.
    fast: Schema<Query, Mutation, Subscription>,
    types: SchemaTypes,
    limits: Limits,
    documents: Arc<Documents>,
}

impl<Query, Mutation, Subscription> Engine<Query, Mutation, Subscription>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
{
    /// `build` is called twice, once for each mode of validation; what both are to share (pools, clocks) it
    /// hands to both as `Arc`s. No extensions: any would put every field on async-graphql's slow path.
    ///
    /// # Errors
    ///
    /// Those of reading the printed schema back, which a test of the schema finds before anybody else does.
    pub fn new(
        build: impl Fn() -> SchemaBuilder<Query, Mutation, Subscription>,
        hints: &SchemaHints,
        limits: Limits,
    ) -> Result<Self, async_graphql::parser::Error> {
        let limits = Limits {
            nesting: limits.nesting.min(MAX_NESTING),
            ..limits
        };
        let depth = usize::try_from(limits.nesting).unwrap_or(usize::MAX);
        let finish = |mode| {
            // Suggestions compare each unknown name with every field there is.
            let builder = build().disable_suggestions();
            // The guard has counted already; this only must not be stricter.
            builder
                .limit_recursive_depth(depth.saturating_add(1))
                .validation_mode(mode)
                .finish()
        };
        let strict = finish(ValidationMode::Strict);
        let types = SchemaTypes::new(&strict.sdl(), hints)?;
        Ok(Self {
            fast: finish(ValidationMode::Fast),
            strict,
            types,
            limits,
            documents: Arc::new(Documents::new(DOCUMENT_MEMORY)),
        })
    }

    /// Bounds the memory that kept documents take, in bytes.
    #[must_use]
    pub fn with_document_memory(mut self, bytes: u64) -> Self {
        self.documents = Arc::new(Documents::new(bytes));
        self
    }

    /// The documents that are kept.
    pub fn documents(&self) -> &Arc<Documents> {
        &self.documents
    }

    /// The schema, for its SDL.
    pub fn schema(&self) -> &Schema<Query, Mutation, Subscription> {
        &self.strict
    }

    /// Everything short of validation and execution: what the request means, and whether it may.
    ///
    /// # Errors
    ///
    /// The guard's refusals, syntax errors, operations that are not there, variables that do not fit.
    pub fn prepare(&self, request: GraphqlRequest) -> Result<Prepared, Fault> {
        if request.query.len() as u64 > self.limits.document_bytes {
            // Not even worth hashing.
            guard::scan(&request.query, &self.limits)?;
        }
        let hash = documents::hash(&request.query);
        let (document, validated) = match self.documents.get(&hash) {
            Some(document) => (document, true),
            None => (Arc::new(self.read(hash, &request.query)?), false),
        };
        let name = request.operation_name.as_deref();
        let (facts, operation) = document.operation(name).ok_or_else(|| no_operation(name))?;
        let facts = facts.clone();
        let is_plain = matches!(
            operation.selection_set.node.items.as_slice(),
            [item] if matches!(item.node, Selection::Field(_))
        );
        if facts.kind == OperationType::Subscription && !(facts.root_fields == 1 && is_plain) {
            // GraphQL specification (October 2021), 5.2.3.1.
            return Err(Fault::from(ApiError::bad_request(Message::new(
                "订阅只能有一个根字段，且不在片段中",
                "A subscription has exactly one root field, and not in a fragment",
            ))));
        }
        let variables = variables::coerce(
            &self.types,
            &document.parsed.operations,
            operation,
            request.variables,
        )
        .map_err(Fault::Request)?;
        let cost = match facts.cost_varies {
            true => cost_with(&document.parsed, operation, &self.types, &self.limits, &variables)?,
            false => facts.cost,
        };
        Ok(Prepared {
            document,
            validated,
            facts,
            variables,
            cost,
        })
    }

    fn read(&self, hash: documents::DocumentHash, text: &str) -> Result<Document, Fault> {
        let scanned = guard::scan(text, &self.limits)?;
        let parsed = parse_query(text).map_err(|error| Fault::Document(vec![error.into()]))?;
        let facts = guard::measure(&parsed, &self.types, &self.limits)?;
        if let Some(name) = &facts.cycle {
            return Err(Fault::Request(vec![ApiError::bad_request(Message::new(
                format!("片段 {name} 直接或间接引用了自身"),
                format!("Fragment {name} spreads itself, directly or through others"),
            ))]));
        }
        literals::check(&parsed, &self.types).map_err(Fault::Request)?;
        Ok(Document::new(hash, text, scanned, parsed, facts))
    }

    /// Prepares and runs a query or mutation.
    pub async fn execute(&self, request: GraphqlRequest, context: RequestContext) -> Executed {
        match self.prepare(request) {
            Ok(prepared) => self.run(prepared, context).await,
            Err(fault) => Executed::fault(fault, &context.renderer()),
        }
    }

    /// Runs a query or mutation.
    pub async fn run(&self, prepared: Prepared, context: RequestContext) -> Executed {
        let kind = prepared.facts.kind;
        if let Some(error) = refusal(&prepared, &context) {
            return Executed::error(error, Some(kind), &context.renderer());
        }
        let (lang, id, queue) = (
            context.lang(),
            context.request_id().clone(),
            context.queue().clone(),
        );
        let renderer = Renderer {
            lang,
            request_id: id.as_str(),
            role: context.role(),
            operation: Some(kind_name(kind)),
        };
        let schema = if prepared.validated {
            &self.fast
        } else {
            &self.strict
        };
        let request = async_request(&prepared, context);
        let running = drive(schema.execute(request), &queue);
        let response = match AssertUnwindSafe(running).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => return Executed::error(panicked(panic.as_ref()), Some(kind), &renderer),
        };
        if !prepared.validated && !is_request_error(&response) {
            self.documents.insert(prepared.document);
        }
        Executed::response(response, kind, &renderer)
    }

    /// Runs a subscription for its next event, and no longer; None where there is none.
    pub async fn once(&self, prepared: Prepared, context: RequestContext) -> Option<Executed> {
        self.subscribe(prepared, context).next().await
    }

    /// Runs a subscription: one [`Executed`] an event. A request error is the first and only one.
    pub fn subscribe(&self, prepared: Prepared, context: RequestContext) -> BoxStream<'static, Executed> {
        let kind = prepared.facts.kind;
        if kind == OperationType::Subscription && may_not_introspect(&prepared, &context) {
            let refused = Executed::error(introspection_off(), Some(kind), &context.renderer());
            return stream::once(std::future::ready(refused)).boxed();
        }
        let (lang, id, queue) = (
            context.lang(),
            context.request_id().clone(),
            context.queue().clone(),
        );
        let role = context.role();
        let schema = if prepared.validated {
            &self.fast
        } else {
            &self.strict
        };
        let events = schema.execute_stream(async_request(&prepared, context));
        let keep = (!prepared.validated).then(|| (self.documents.clone(), prepared.document));
        let state = Events {
            events,
            queue,
            lang,
            id,
            role,
            kind,
            keep,
            ended: false,
        };
        stream::unfold(state, Events::next).boxed()
    }
}

struct Events {
    events: BoxStream<'static, Response>,
    queue: LoaderQueue,
    lang: Lang,
    id: RequestId,
    role: Option<&'static str>,
    kind: OperationType,
    /// Where the document goes once an event shows that it was valid.
    keep: Option<(Arc<Documents>, Arc<Document>)>,
    ended: bool,
}

impl Events {
    async fn next(mut self) -> Option<(Executed, Self)> {
        if self.ended {
            return None;
        }
        let renderer = Renderer {
            lang: self.lang,
            request_id: self.id.as_str(),
            role: self.role,
            operation: Some(kind_name(self.kind)),
        };
        let event = drive(self.events.next(), &self.queue);
        let executed = match AssertUnwindSafe(event).catch_unwind().await {
            Ok(None) => return None,
            Ok(Some(response)) => {
                if let Some((documents, document)) = self.keep.take()
                    && !is_request_error(&response)
                {
                    documents.insert(document);
                }
                Executed::response(response, self.kind, &renderer)
            }
            Err(panic) => {
                self.ended = true;
                Executed::error(panicked(panic.as_ref()), Some(self.kind), &renderer)
            }
        };
        Some((executed, self))
    }
}

fn async_request(prepared: &Prepared, context: RequestContext) -> Request {
    // The text is read by extensions only, of which there are none.
    let mut request = Request::new("").variables(prepared.variables.clone());
    request.operation_name = prepared.document.name_of(&prepared.facts).map(|n| n.to_string());
    request.data = context.into_data();
    request.set_parsed_query(prepared.document.parsed.clone());
    request
}

/// What keeps a prepared operation from being run as a query or mutation.
fn refusal(prepared: &Prepared, context: &RequestContext) -> Option<ApiError> {
    if prepared.facts.kind == OperationType::Subscription {
        return Some(ApiError::bad_request(Message::new(
            "订阅须通过 WebSocket 或 SSE",
            "Subscriptions are served over WebSocket or server-sent events",
        )));
    }
    may_not_introspect(prepared, context).then(introspection_off)
}

fn may_not_introspect(prepared: &Prepared, context: &RequestContext) -> bool {
    prepared.facts.introspects && !context.introspection()
}

fn introspection_off() -> ApiError {
    let message = Message::new("您无权内省本服务的模式", "Introspection is not for you here");
    ApiError::new(ErrorCode::Forbidden, message)
}

fn no_operation(name: Option<&str>) -> Fault {
    let message = match name {
        Some(name) => {
            let shown: String = name.chars().take(60).collect();
            Message::new(
                format!("文档中没有名为 {shown} 的操作"),
                format!("The document has no operation named {shown}"),
            )
        }
        None => Message::new(
            "文档包含多个操作，请给出 operationName",
            "The document has several operations: give operationName",
        ),
    };
    Fault::Request(vec![ApiError::bad_request(message)])
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> ApiError {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "of an unknown kind".to_owned(),
    };
    ApiError::internal(Panicked(text))
}

/// Nothing was executed: no data, and no error belongs to a field.
pub(super) fn is_request_error(response: &Response) -> bool {
    matches!(response.data, async_graphql::Value::Null)
        && response
            .errors
            .iter()
            .all(|error: &ServerError| error.path.is_empty())
}

#[cfg(test)]
mod tests;
