//! The keys of one URL: kept, asked for again in time, and once more for a key that is new.
//!
//! Whoever waits for keys waits for a task of its own, so that a caller who goes away takes no answer from the others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use rand::{CryptoRng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use reqwest::Client;
use tokio::{sync::watch, time::timeout};
use url::Url;

use super::{
    FetchFault, KeySet, ListedKey,
    fetch::{self, Fetched},
};
use crate::kernel::clock::{Clock, pause};

/// How long a caller waits for a key that was not seen before.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether keys are due.
const LOOK: Duration = Duration::from_secs(5);
/// As long as a provider may ask for at most: a key that it takes back is taken back here by then.
const LONGEST: Duration = Duration::from_secs(3600);

/// How keys of URLs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwksTimes {
    /// How often they are asked for, where the provider says nothing else (`Cache-Control: max-age`).
    pub refresh: Duration,
    /// How long must lie between two requests that unknown keys set off, and how soon a failed one is made again.
    pub floor: Duration,
    /// How long keys are taken after the last good answer.
    pub keep: Duration,
}

impl Default for JwksTimes {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(300),
            floor: Duration::from_secs(30),
            keep: Duration::from_secs(24 * 3600),
        }
    }
}

/// The keys of an issuer are out of reach: nobody can tell whether a token is good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of issuer {issuer} are out of reach")]
pub struct KeysUnavailable {
    /// Whose.
    pub issuer: Arc<str>,
    /// When to come again, in seconds.
    pub retry_after: u32,
}

/// The keys of one URL.
pub struct JwksSource {
    /// What the log calls the issuer.
    name: Arc<str>,
    url: Url,
    times: JwksTimes,
    client: Client,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    keys: Arc<[ListedKey]>,
    /// When they came.
    good_at: Option<DateTime<Utc>>,
    /// When they are asked for next; at once as long as they never were.
    due_at: Option<DateTime<Utc>>,
    /// When an unknown key last set a request off.
    set_off_at: Option<DateTime<Utc>>,
    /// The request that is under way; true when it has ended.
    running: Option<watch::Receiver<bool>>,
    /// What the log has been told.
    told: Option<FetchFault>,
    told_skipped: BTreeMap<&'static str, usize>,
    rng: ChaCha20Rng,
}

impl JwksSource {
    /// Nothing is asked for yet. `name` is what the log calls the issuer.
    ///
    /// # Errors
    ///
    /// No TLS on this machine, such as without any trusted certificate.
    pub fn new(
        name: &str,
        url: Url,
        times: JwksTimes,
        clock: Clock,
        rng: &mut impl CryptoRng,
    ) -> Result<Arc<Self>, reqwest::Error> {
        Ok(Arc::new(Self {
            name: name.into(),
            url,
            times,
            client: fetch::client()?,
            clock,
            state: Mutex::new(State {
                keys: Arc::default(),
                good_at: None,
                due_at: None,
                set_off_at: None,
                running: None,
                told: None,
                told_skipped: BTreeMap::new(),
                rng: ChaCha20Rng::from_rng(rng),
            }),
        }))
    }

    /// The keys; None as long as there were none, and when the last good answer is too old.
    pub(in crate::auth) fn keys(&self, now: DateTime<Utc>) -> Option<Arc<[ListedKey]>> {
        let state = self.state();
        let is_kept = now - state.good_at? < delta(self.times.keep);
        is_kept.then(|| state.keys.clone())
    }

    /// What callers of this issuer are told while there are none.
    pub(in crate::auth) fn unavailable(&self) -> KeysUnavailable {
        KeysUnavailable {
            issuer: self.name.clone(),
            retry_after: u32::try_from(self.times.floor.as_secs())
                .unwrap_or(u32::MAX)
                .max(1),
        }
    }

    /// Asks for the keys because of a token whose key is not known; not so if that was done a short time ago, however many
    /// such tokens come. Waits for the answer, though not for ever.
    pub(in crate::auth) async fn ask_for_new_keys(self: &Arc<Self>, now: DateTime<Utc>) {
        let waits = {
            let mut state = self.state();
            let lately = state
                .set_off_at
                .filter(|at| !has_passed(now, *at, self.times.floor));
            match (&state.running, lately) {
                (Some(running), _) => Some(running.clone()),
                (None, Some(_)) => None,
                (None, None) => {
                    state.set_off_at = Some(now);
                    Some(self.start(&mut state))
                }
            }
        };
        if let Some(mut ended) = waits {
            let _ = timeout(PATIENCE, ended.wait_for(|ended| *ended)).await;
        }
    }

    /// Asks for the keys if it is time to, and waits for the answer. Gives how long there is to the next time.
    pub(in crate::auth) async fn refresh_if_due(self: &Arc<Self>) -> Duration {
        let now = self.clock.machine();
        let is_due = |state: &State| {
            // A clock that was set back must not put it off.
            let is_far = |due: DateTime<Utc>| due - now > delta(LONGEST.max(self.times.refresh));
            state.due_at.is_none_or(|due| due <= now || is_far(due))
        };
        let waits = {
            let mut state = self.state();
            match (&state.running, is_due(&state)) {
                (Some(running), _) => Some(running.clone()),
                (None, true) => Some(self.start(&mut state)),
                (None, false) => None,
            }
        };
        if let Some(mut ended) = waits {
            let _ = ended.wait_for(|ended| *ended).await;
        }
        let due_at = self.state().due_at;
        due_at
            .and_then(|due| (due - self.clock.machine()).to_std().ok())
            .unwrap_or_default()
    }

    /// Keeps the keys fresh until `stop` turns true.
    pub(in crate::auth) async fn follow(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        let following = async {
            loop {
                let left = self.refresh_if_due().await;
                pause(left.clamp(Duration::from_millis(100), LOOK)).await;
            }
        };
        tokio::select! {
            () = following => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Begins a request, of which there is one at a time.
    fn start(self: &Arc<Self>, state: &mut State) -> watch::Receiver<bool> {
        let (ends, ended) = watch::channel(false);
        state.running = Some(ended.clone());
        let source = self.clone();
        tokio::spawn(async move {
            let fetched = fetch::fetch(&source.client, &source.url).await;
            source.settle(fetched);
            ends.send_replace(true);
        });
        ended
    }

    fn settle(&self, fetched: Result<Fetched, FetchFault>) {
        let now = self.clock.machine();
        let mut state = self.state();
        let wait = match fetched {
            Ok(fetched) => {
                self.take(&mut state, fetched.set, now);
                let asked = fetched.max_age.unwrap_or(self.times.refresh);
                asked.min(LONGEST).max(self.times.floor)
            }
            Err(fault) => {
                self.tell(&mut state, fault);
                self.times.floor
            }
        };
        // Replicas that started together must not ask together for ever.
        let share = state.rng.random_range(0.9..=1.0);
        state.due_at = now.checked_add_signed(delta(wait.mul_f64(share)));
        state.running = None;
    }

    /// The set as it is now: what is no longer in it is gone.
    fn take(&self, state: &mut State, set: KeySet, now: DateTime<Utc>) {
        let (name, keys) = (&*self.name, set.keys.len());
        let is_there = |thumbprint: &str| set.keys.iter().any(|key| &*key.thumbprint == thumbprint);
        let gone = state.keys.iter().filter(|key| !is_there(&key.thumbprint)).count();
        let was_there = |thumbprint: &str| state.keys.iter().any(|key| &*key.thumbprint == thumbprint);
        let new = set.keys.iter().filter(|key| !was_there(&key.thumbprint)).count();
        match state.told.take() {
            Some(_) => tracing::info!(
                issuer = name,
                keys,
                new,
                gone,
                "the issuer's keys can be had again"
            ),
            None if new + gone > 0 => tracing::info!(issuer = name, keys, new, gone, "the issuer's keys"),
            None => {}
        }
        if set.skipped != state.told_skipped {
            if !set.skipped.is_empty() {
                tracing::info!(issuer = name, skipped = ?set.skipped, "keys of the issuer are passed over");
            }
            state.told_skipped = set.skipped;
        }
        state.keys = set.keys.into();
        state.good_at = Some(now);
    }

    /// Says so once, and not again as long as it is the same.
    fn tell(&self, state: &mut State, fault: FetchFault) {
        if state.told.as_ref() == Some(&fault) {
            return;
        }
        let until = state
            .good_at
            .and_then(|good| good.checked_add_signed(delta(self.times.keep)));
        tracing::warn!(
            issuer = &*self.name,
            url = %self.url,
            %fault,
            known_keys = state.keys.len(),
            taken_until = until.map(|until| until.to_rfc3339()),
            "the issuer's keys cannot be had; it is tried again"
        );
        state.told = Some(fault);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether so much time has passed since an instant; one that is still to come was before the clock was set back, and nobody
/// knows how long ago.
fn has_passed(now: DateTime<Utc>, since: DateTime<Utc>, length: Duration) -> bool {
    now < since || now - since >= delta(length)
}

fn delta(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX)
}
