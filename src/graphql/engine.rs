//! From a request's parts to a response that may be sent: guard, parse, variables, validation, execution,
//! errors. Transports (HTTP, WebSocket, SSE) differ in how they read and write, not in what happens here.

mod context;
mod executed;
mod faults;
mod trust;

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{
    ObjectType, Request, Response, Schema, SchemaBuilder, ServerError, SubscriptionType, ValidationMode,
};
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};

pub use super::prepare::{Fault, Prepared, kind_name};
pub use context::{RequestContext, RequestId};
pub use executed::Executed;
use faults::{Unfinished, faulty, no_operation, unparsed};
pub use trust::TrustFault;

use super::batch::{LoaderQueue, drive};
use super::documents::{self, Document, DocumentHash, Documents};
use super::error::{ApiError, ErrorCode, Renderer};
use super::guard::{self, Limits, check_kept_variables, check_variables, cost_with};
use super::persisted;
use super::request::GraphqlRequest;
use super::rules;
use super::sdl::{SchemaHints, SchemaTypes};
use super::variables;
use crate::kernel::message::{Lang, Message};
use crate::telemetry::panics::caught;

/// What a deployment may set about documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentOptions {
    /// Bytes that kept documents may take, those that are trusted aside; 8 MiB unless set.
    pub memory: u64,
    /// Whether a kept document may be asked for by its SHA-256 (automatic persisted queries); so it is unless set.
    pub automatic: bool,
}

impl Default for DocumentOptions {
    fn default() -> Self {
        Self {
            memory: 8 * 1024 * 1024,
            automatic: true,
        }
    }
}

/// Which documents a caller may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takes {
    /// Any that the guard lets pass.
    #[default]
    Any,
    /// Those that the deployment has registered.
    Trusted,
}

/// What it costs to parse and validate a document, in the units of the guard: the dearest of 64 KiB take some 20 ms.
fn cost_of_reading(text: &str) -> u64 {
    50 + text.len() as u64 / 3
}

/// The name of no operation.
const NO_OPERATION: &str = "\0";

/// A schema behind the guard.
pub struct Engine<Query, Mutation, Subscription> {
    /// Validates documents, each once.
    strict: Schema<Query, Mutation, Subscription>,
    /// Executes what has passed.
    fast: Schema<Query, Mutation, Subscription>,
    types: SchemaTypes,
    limits: Limits,
    documents: Arc<Documents>,
    automatic: bool,
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
        let limits = limits.bearable();
        let depth = usize::try_from(limits.nesting).unwrap_or(usize::MAX);
        let finish = |mode| {
            // Suggestions compare each unknown name with every field there is.
            let builder = build().disable_suggestions();
            // The guard has counted already; this only must not be stricter, and the document that is validated has a level more.
            builder
                .limit_recursive_depth(depth.saturating_add(2))
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
            documents: Arc::new(Documents::new(DocumentOptions::default().memory)),
            automatic: DocumentOptions::default().automatic,
        })
    }

    /// Keeps documents as a deployment wants it.
    #[must_use]
    pub fn with_documents(mut self, options: DocumentOptions) -> Self {
        self.documents = Arc::new(Documents::new(options.memory));
        self.automatic = options.automatic;
        self
    }

    /// What documents may ask for.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The documents that are kept.
    pub fn documents(&self) -> &Arc<Documents> {
        &self.documents
    }

    /// The schema, for its SDL.
    pub fn schema(&self) -> &Schema<Query, Mutation, Subscription> {
        &self.strict
    }

    /// Everything short of execution: what the request means, and whether it may.
    ///
    /// # Errors
    ///
    /// The guard's refusals, syntax errors and those of validation, documents and operations that are not there, variables that
    /// do not fit, documents that the caller may not send.
    /// `pay` is asked for what it costs to read a document that is not kept, before it is read, and may refuse.
    pub fn prepare(
        &self,
        request: GraphqlRequest,
        takes: Takes,
        pay: &mut impl FnMut(u64) -> Result<(), ApiError>,
    ) -> Result<Prepared, Fault> {
        let document = self.document(&request, takes, pay)?;
        let name = request.operation_name.as_deref();
        let (facts, operation) = document.operation(name).ok_or_else(|| no_operation(name))?;
        let facts = facts.clone();
        let variables = variables::coerce(
            &self.types,
            &document.parsed.operations,
            operation,
            request.variables,
        )
        .map_err(Fault::Request)?;
        let uses = &document.uses;
        uses.check(facts.name.as_ref(), &variables)
            .map_err(Fault::Request)?;
        check_variables(&document.parsed, operation, &self.limits, &variables)?;
        if facts.kind == OperationType::Subscription {
            check_kept_variables(&self.limits, &variables)?;
        }
        let cost = match facts.cost_varies {
            true => cost_with(&document.parsed, operation, &self.types, &self.limits, &variables)?,
            false => facts.cost,
        };
        Ok(Prepared {
            document,
            facts,
            variables,
            cost,
        })
    }

    /// The document that a request sends or names.
    fn document(
        &self,
        request: &GraphqlRequest,
        takes: Takes,
        pay: &mut impl FnMut(u64) -> Result<(), ApiError>,
    ) -> Result<Arc<Document>, Fault> {
        let text = request.query.as_str();
        let named = persisted::named(request)?;
        let trusted = self.documents.trusted();
        if let Some(named) = named.filter(|_| text.is_empty()) {
            let passed = || self.documents.get(&named.hash?).filter(|_| self.automatic);
            return match (trusted.named(named), takes) {
                (Some(document), _) => Ok(document.clone()),
                (None, Takes::Any) => passed().ok_or_else(|| persisted::not_found().into()),
                (None, Takes::Trusted) => Err(persisted::not_found().into()),
            };
        }
        if text.len() as u64 > self.limits.document_bytes {
            // Not even worth hashing.
            guard::scan(text, &self.limits)?;
        }
        let hash = documents::hash(text);
        if let Some(named) = named {
            let is_hash_of_text = named.hash == Some(hash);
            let is_named_so = trusted.named(named).is_some_and(|document| document.hash == hash);
            if !is_hash_of_text && !is_named_so {
                return Err(persisted::other_document().into());
            }
        }
        match (trusted.with_hash(&hash), takes) {
            (Some(document), _) => Ok(document.clone()),
            (None, Takes::Any) => self.passed(hash, text, pay),
            (None, Takes::Trusted) => Err(persisted::not_trusted().into()),
        }
    }

    fn passed(
        &self,
        hash: DocumentHash,
        text: &str,
        pay: &mut impl FnMut(u64) -> Result<(), ApiError>,
    ) -> Result<Arc<Document>, Fault> {
        if let Some(document) = self.documents.get(&hash) {
            return Ok(document);
        }
        pay(cost_of_reading(text))?;
        let document = Arc::new(self.read(hash, text)?);
        self.documents.insert(document.clone());
        Ok(document)
    }

    fn read(&self, hash: DocumentHash, text: &str) -> Result<Document, Fault> {
        let scanned = guard::scan(text, &self.limits)?;
        let parsed = parse_query(text).map_err(unparsed)?;
        let facts = guard::measure(&parsed, &self.types, &self.limits)?;
        if let Some(name) = &facts.cycle {
            return Err(Fault::Request(vec![ApiError::bad_request(Message::new(
                format!("片段 {name} 直接或间接引用了自身"),
                format!("Fragment {name} spreads itself, directly or through others"),
            ))]));
        }
        rules::check_unseen(text, &parsed)?;
        self.validate(rules::as_fragments(&parsed, &self.types))?;
        let uses = rules::check(&parsed, &self.types, &self.limits, facts.steps)?;
        Ok(Document::new(hash, text, scanned, parsed, facts, uses))
    }

    /// Validates a document (GraphQL October 2021, section 5) without variables, which [`variables::coerce`] checks for each
    /// request.
    fn validate(&self, parsed: ExecutableDocument) -> Result<(), Fault> {
        // async-graphql validates a whole document before it looks for the operation, and there is none of this name: nothing is
        // executed, and it is through at once.
        let mut request = Request::new("").operation_name(NO_OPERATION);
        request.set_parsed_query(parsed);
        let running = caught(self.strict.execute(request));
        let response = match running.now_or_never() {
            Some(Ok(response)) => response,
            Some(Err(panic)) => return Err(ApiError::internal(panic).into()),
            None => return Err(ApiError::internal(Unfinished).into()),
        };
        let not_found = format!("Unknown operation named \"{NO_OPERATION}\"");
        match response.errors.as_slice() {
            [only] if only.message == not_found => Ok(()),
            _ => Err(faulty(response.errors)),
        }
    }

    /// Prepares and runs a query or mutation.
    pub async fn execute(&self, request: GraphqlRequest, context: RequestContext) -> Executed {
        match self.prepare(request, Takes::Any, &mut |_| Ok(())) {
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
        let request = async_request(&prepared, context);
        let running = drive(self.fast.execute(request), &queue);
        let response = match caught(running).await {
            Ok(response) => response,
            Err(panic) => return Executed::error(ApiError::internal(panic), Some(kind), &renderer),
        };
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
        let events = self.fast.execute_stream(async_request(&prepared, context));
        let state = Events {
            events,
            queue,
            lang,
            id,
            role,
            kind,
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
        let executed = match caught(event).await {
            Ok(None) => return None,
            Ok(Some(response)) => Executed::response(response, self.kind, &renderer),
            Err(panic) => {
                self.ended = true;
                Executed::error(ApiError::internal(panic), Some(self.kind), &renderer)
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
    let mut document = prepared.document.parsed.clone();
    prepared
        .document
        .uses
        .leave_out(&mut document, &prepared.variables);
    request.set_parsed_query(document);
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
