//! An operation as what comes of it, one after the other: what sockets and event streams hand on.

use std::{any::Any, net::IpAddr, sync::Arc, time::Duration};

use async_graphql::{ObjectType, SubscriptionType, parser::types::OperationType};
use bytes::Bytes;
use futures_util::{
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt as _},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::Instant,
};

use super::{
    admission::{Account, Admission, COST_OF_KEPT, RateLimited, cost_of_bytes},
    graphql::{Access, authenticated},
};
use crate::{
    auth::Requester,
    graphql::{
        Engine, Executed, GraphqlRequest, Idempotency, Prepared, RequestContext, RequestId,
        error::{ApiError, ErrorCode},
        guard::{Limit, Refused},
    },
    kernel::{clock::pause, message::Lang},
    live::{Cohorts, Execute, ReadKey, Told, Value, cursor::Cursor, dependencies, graphql::ChangesSlot},
    telemetry::{Observed, Telemetry, Transport},
};

/// The subscription to the change log itself: every other one is to a value.
const CHANGES: &str = "changes";

/// Runs operations for transports over which several results may come.
pub struct Operations<Query, Mutation, Subscription, A> {
    engine: Arc<Engine<Query, Mutation, Subscription>>,
    access: Arc<A>,
    cohorts: Cohorts,
    admission: Arc<Admission>,
    telemetry: Option<Telemetry>,
    deadline: Duration,
    patience: Duration,
}

/// Who runs an operation.
#[derive(Clone)]
pub struct Peer {
    /// The caller.
    pub requester: Requester,
    /// Where it comes from.
    pub from: Option<IpAddr>,
    /// The language of texts.
    pub lang: Lang,
    /// What the log names the operation by.
    pub id: RequestId,
    /// Where `changes` goes on, whatever its `after` says.
    pub resume: Option<Cursor>,
    /// Where the operations of one connection wait for their turn: however many it has, only some are worked on at once, so that none
    /// fills the house. None where it has one.
    pub turns: Option<Arc<Semaphore>>,
    /// What a mutation holds until it has ended, also where nobody waits for it any more.
    pub permit: Option<Arc<OwnedSemaphorePermit>>,
    /// What watches the operation.
    pub observed: Observed,
}

impl<Query, Mutation, Subscription, A> Operations<Query, Mutation, Subscription, A>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access<Requester = Requester>,
{
    /// Over an engine; queries may take `deadline`, mutations run to their end. A reader of `changes` may keep a change waiting
    /// for `patience`.
    pub fn new(
        engine: Arc<Engine<Query, Mutation, Subscription>>,
        access: Arc<A>,
        cohorts: Cohorts,
        admission: Arc<Admission>,
        telemetry: Option<Telemetry>,
        deadline: Duration,
        patience: Duration,
    ) -> Self {
        Self {
            engine,
            access,
            cohorts,
            admission,
            telemetry,
            deadline,
            patience,
        }
    }

    /// The caller of an `Authorization` value.
    ///
    /// # Errors
    ///
    /// Those of [`authenticated`].
    pub async fn authenticate(
        &self,
        authorization: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<Requester, ApiError> {
        authenticated(&*self.access, &self.admission, authorization, from).await
    }

    /// Whether a caller can pay for reading so many bytes that came over its connection.
    pub fn pays_for(&self, requester: &Requester, from: Option<IpAddr>, bytes: usize) -> bool {
        let account = self.account(requester, from);
        self.admission.charge(&account, cost_of_bytes(bytes)).is_ok()
    }

    /// Whose use is counted.
    pub fn account(&self, requester: &Requester, from: Option<IpAddr>) -> Account {
        self.access.account(requester, from)
    }

    /// What is shared by subscribers of one value.
    pub fn cohorts(&self) -> &Cohorts {
        &self.cohorts
    }

    /// What watches an operation that begins now.
    pub fn begin(&self, transport: Transport, id: &RequestId) -> Observed {
        let telemetry = self.telemetry.as_ref();
        let begun = telemetry.map(|telemetry| telemetry.begin(transport, "graphql", id.as_str(), None));
        begun.unwrap_or_default()
    }

    /// What the request means, or the errors that say why it means nothing, a list.
    pub fn prepare(&self, request: &GraphqlRequest, peer: &Peer) -> Result<Prepared, Bytes> {
        let role = self.access.role(&peer.requester);
        peer.observed.role(role);
        let began = peer.observed.now();
        let takes = self.access.takes(&peer.requester);
        let account = self.account(&peer.requester, peer.from);
        let mut pay = |cost| match self.admission.charge(&account, cost) {
            Ok(_) => Ok(()),
            Err(limited) => Err(limited.error),
        };
        let prepared = self
            .engine
            .prepare(request.clone(), takes, &mut pay)
            .and_then(|prepared| {
                let cost = match prepared.kind() {
                    // Each execution is paid for when it comes.
                    OperationType::Subscription => COST_OF_KEPT,
                    OperationType::Query | OperationType::Mutation => prepared.cost(),
                };
                pay(cost)?;
                Ok(prepared)
            });
        if let Ok(prepared) = &prepared {
            peer.observed.prepared(&prepared.told(), began);
        }
        prepared.map_err(|fault| {
            let mut context = RequestContext::new(peer.lang, peer.id.clone());
            context.observe(role, Observed::default());
            let executed = Executed::fault(fault, &context.renderer());
            watch(&peer.observed, &executed);
            peer.observed.end(None);
            errors(&executed)
        })
    }

    /// Runs an operation: one result of a query or mutation, as many as there are of a subscription. The end of the stream is
    /// the end of the operation.
    pub fn start(
        self: &Arc<Self>,
        prepared: Prepared,
        request: &GraphqlRequest,
        peer: Peer,
    ) -> BoxStream<'static, Told> {
        match prepared.kind() {
            OperationType::Subscription => match prepared.facts().subscribes_to.as_deref() {
                Some(CHANGES) => self.clone().changes(prepared, peer),
                _ => self.value(prepared, peer),
            },
            OperationType::Query | OperationType::Mutation => {
                let idempotency = match request.extensions.contains_key("idempotencyKey") {
                    true => match Idempotency::of(None, request, prepared.hash(), prepared.facts()) {
                        Ok(idempotency) => idempotency,
                        Err(error) => return one(Told::Failed(self.refused(error, peer.lang, &peer.id))),
                    },
                    false => None,
                };
                let run = self.clone().once(prepared, idempotency, peer);
                stream::once(run).boxed()
            }
        }
    }

    /// An error of ours as a list of errors.
    pub fn refused(&self, error: ApiError, lang: Lang, id: &RequestId) -> Bytes {
        let context = RequestContext::new(lang, id.clone());
        errors(&Executed::error(error, None, &context.renderer()))
    }

    fn context(&self, peer: &Peer, observed: &Observed) -> RequestContext {
        let mut context = RequestContext::new(peer.lang, peer.id.clone());
        context.observe(self.access.role(&peer.requester), observed.clone());
        context.allow_introspection(self.access.may_introspect(&peer.requester));
        self.access.fill(peer.requester.clone(), &mut context);
        context
    }

    /// In a task of its own: a peer that does not read must not hold a connection to the database.
    async fn once(
        self: Arc<Self>,
        prepared: Prepared,
        idempotency: Option<Arc<Idempotency>>,
        peer: Peer,
    ) -> Told {
        let this = self.clone();
        let (lang, id) = (peer.lang, peer.id.clone());
        let late = move |error| this.refused(error, lang, &id);
        let kind = prepared.kind();
        let run = tokio::spawn(async move {
            let observed = peer.observed.clone();
            let began = observed.now();
            let mut context = self.context(&peer, &observed);
            if let Some(idempotency) = idempotency {
                context.insert(idempotency);
            }
            let run = async {
                let _turn = match &peer.turns {
                    // Nobody closes it.
                    Some(turns) => turns.acquire().await.ok(),
                    None => None,
                };
                let (class, account) = (
                    self.access.class(&peer.requester).asking(kind),
                    self.account(&peer.requester, peer.from),
                );
                match self.admission.enter(class, &account).await {
                    Ok(_pass) => self.engine.run(prepared, context).await,
                    Err(error) => Executed::error(error, None, &context.renderer()),
                }
            };
            let executed = match kind {
                OperationType::Query => tokio::time::timeout(self.deadline, run).await.ok(),
                _ => Some(run.await),
            };
            observed.executed(began);
            match &executed {
                Some(executed) => watch(&observed, executed),
                None => observed.failed(Some(ErrorCode::Timeout.as_str()), None),
            }
            observed.end(None);
            executed
        });
        // A query that nobody waits for any more ends; a mutation runs to its end.
        let _ends = (kind == OperationType::Query).then(|| AbortOnDrop(run.abort_handle()));
        match run.await {
            Ok(Some(executed)) if executed.is_request_error() => Told::Failed(errors(&executed)),
            Ok(Some(executed)) => Told::Next(json(&executed)),
            Ok(None) => Told::Failed(late(ApiError::timeout())),
            Err(_) => Told::Failed(late(ApiError::internal(Broken("an operation")))),
        }
    }

    /// Every change is an execution of its own, which waits until there is one. Each is paid for before it is begun, and takes its
    /// turn once there is something to read.
    fn changes(self: Arc<Self>, prepared: Prepared, peer: Peer) -> BoxStream<'static, Told> {
        let (events, results) = mpsc::channel(1);
        tokio::spawn(async move {
            let admission = self.admission.clone();
            let (reads, mut is_read) = watch::channel(false);
            let turn = {
                let reads = reads.clone();
                move || -> BoxFuture<'static, Box<dyn Any + Send>> {
                    let (admission, reads) = (admission.clone(), reads.clone());
                    Box::pin(async move {
                        let turn = admission.update_in_turn().await;
                        reads.send_replace(true);
                        Box::new(turn) as Box<dyn Any + Send>
                    })
                }
            };
            let slot = ChangesSlot::new(peer.resume, self.patience, Arc::new(turn));
            let (account, cost) = (self.account(&peer.requester, peer.from), prepared.cost());
            loop {
                let mut context = self.context(&peer, &Observed::default());
                context.insert(slot.clone());
                let next = async {
                    self.pay_in_time(&account, cost).await;
                    self.engine.once(prepared.clone(), context).await
                };
                // Waiting for a change may take for ever, reading what is asked of it may not: it has a place of all updates.
                reads.send_replace(false);
                let late = async {
                    // Its sender is here.
                    let _ = is_read.wait_for(|is_read| *is_read).await;
                    pause(self.deadline).await;
                };
                let next = tokio::select! {
                    next = next => next,
                    () = late => Some(self.late(&slot, &peer).await),
                    () = events.closed() => return,
                };
                slot.end().await;
                let Some(executed) = next else { return };
                let told = told(&executed);
                let is_last = matches!(told, Told::Failed(_));
                if is_last {
                    watch(&peer.observed, &executed);
                }
                let began = Instant::now();
                if events.send(told).await.is_err() || is_last {
                    return;
                }
                slot.waited(began.elapsed()).await;
            }
        });
        let next = |mut results: mpsc::Receiver<Told>| async move { Some((results.recv().await?, results)) };
        stream::unfold(results, next).boxed()
    }

    /// A change could not be read in time. It is not passed over: who goes on where the error says hears of it.
    async fn late(&self, slot: &ChangesSlot, peer: &Peer) -> Executed {
        let mut error = ApiError::timeout();
        if let Some(cursor) = slot.before().await {
            error = error.with("cursor", cursor.encode());
        }
        let context = self.context(peer, &Observed::default());
        Executed::error(error, None, &context.renderer())
    }

    /// What subscribers of one value share.
    fn value(self: &Arc<Self>, prepared: Prepared, peer: Peer) -> BoxStream<'static, Told> {
        let reads = prepared.facts().reads;
        let key = ReadKey::of(&prepared, &reads, &peer.requester, peer.lang);
        let depends_on = dependencies(&prepared, &peer.requester);
        let this = self.clone();
        // It lasts as long as its subscriber; the cohort may outlive the one it began with.
        let observed = peer.observed.clone();
        let peer = Peer {
            observed: Observed::default(),
            ..peer
        };
        let (admission, cost) = (self.admission.clone(), prepared.cost());
        let account = self.account(&peer.requester, peer.from);
        let (lang, id) = (peer.lang, peer.id.clone());
        let pay = Arc::new(move || admission.charge(&account, cost).map(drop).map_err(wait));
        let told = self.cohorts.join(key, depends_on, pay, move || -> Execute {
            Box::new(move |subscribers| {
                let (this, prepared, peer) = (this.clone(), prepared.clone(), peer.clone());
                Box::pin(async move { this.value_once(prepared, &peer, subscribers).await })
            })
        });
        // What it holds ends with it.
        let all = (self.clone(), told, observed, lang, id);
        stream::unfold(Some(all), |state| async move {
            let (this, mut told, observed, lang, id) = state?;
            Some(match told.next().await {
                Some(Told::Next(next)) => (Told::Next(next), Some((this, told, observed, lang, id))),
                Some(failed) => (failed, None),
                // A value has no end.
                None => (
                    Told::Failed(this.refused(ApiError::internal(Broken("a cohort")), lang, &id)),
                    None,
                ),
            })
        })
        .boxed()
    }

    /// Takes from a subscriber what an execution costs; one that has used up what it may is told later, and misses nothing.
    async fn pay_in_time(&self, account: &Account, cost: u64) {
        while let Err(limited) = self.admission.charge(account, cost) {
            pause(wait(limited)).await;
        }
    }

    async fn value_once(&self, prepared: Prepared, peer: &Peer, subscribers: usize) -> Value {
        let _pass = self.admission.update_in_turn().await;
        let observed = self.begin(Transport::Job, &peer.id);
        observed.role(self.access.role(&peer.requester));
        observed.prepared(&prepared.told(), None);
        observed.tell(
            "zhibu.cohort.subscribers",
            i64::try_from(subscribers).unwrap_or(i64::MAX),
        );
        let began = observed.now();
        let run = self.engine.once(prepared, self.context(peer, &observed));
        let ran = tokio::time::timeout(self.deadline, run).await;
        observed.executed(began);
        let Ok(Some(executed)) = ran else {
            observed.failed(Some(ErrorCode::Timeout.as_str()), None);
            return Value::Away(self.refused(ApiError::timeout(), peer.lang, &peer.id));
        };
        watch(&observed, &executed);
        match executed.code() {
            Some(ErrorCode::Unavailable | ErrorCode::Timeout | ErrorCode::Internal) => {
                Value::Away(errors(&executed))
            }
            _ => Value::Told(told(&executed)),
        }
    }
}

/// A task is gone: its panic has a line of its own, and its text may be what somebody sent.
#[derive(Debug, thiserror::Error)]
#[error("the task of {0} has ended")]
struct Broken(&'static str);

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How long until there is enough again.
fn wait(limited: RateLimited) -> Duration {
    Duration::from_secs(limited.error.retry_after().unwrap_or(1).into())
}

/// Tells what watches an operation what went wrong with it.
fn watch(observed: &Observed, executed: &Executed) {
    let limit = executed.refused().and_then(Refused::limit);
    let code = executed.code().map(ErrorCode::as_str);
    observed.failed(code, limit.map(Limit::as_str));
}

fn one(told: Told) -> BoxStream<'static, Told> {
    stream::once(std::future::ready(told)).boxed()
}

/// What a subscription tells; it ends where errors are all there is.
fn told(executed: &Executed) -> Told {
    match executed.is_all_error() {
        true => Told::Failed(errors(executed)),
        false => Told::Next(json(executed)),
    }
}

fn errors(executed: &Executed) -> Bytes {
    json(&executed.errors())
}

/// Texts, numbers, lists and maps: they can be written.
fn json<T: serde::Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}
