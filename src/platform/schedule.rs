//! Every source is pulled by a task of its own, so that a slow platform holds up nobody.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

use super::{
    model::Freeze,
    pull::{Puller, Turn},
};

/// How often a task looks whether its source is due; what other processes asked for is found so.
const LOOK: Duration = Duration::from_secs(2);

/// Ends the pause of a source's task.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Something has been asked for: now, or the next time somebody waits.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Ends when something has been asked for.
    pub(super) async fn woken(&self) {
        self.0.notified().await;
    }
}

/// The sources that are pulled, for whoever asks for a pull.
#[derive(Clone, Debug, Default)]
pub struct PulledSources(Arc<HashMap<String, PulledSource>>);

/// A source that is pulled.
#[derive(Clone, Debug, Default)]
pub struct PulledSource {
    /// Ends its task's pause.
    pub wake: Wake,
    /// Days on which it is not asked.
    pub freeze: Freeze,
}

impl PulledSources {
    /// By code, how each is frozen.
    pub fn new(sources: impl IntoIterator<Item = (String, Freeze)>) -> Self {
        let sources = sources.into_iter().map(|(code, freeze)| {
            let wake = Wake::default();
            (code, PulledSource { wake, freeze })
        });
        Self(Arc::new(sources.collect()))
    }

    /// The source of a code, if it is pulled.
    pub fn get(&self, code: &str) -> Option<&PulledSource> {
        self.0.get(code)
    }
}

/// Pulls sources until `stop` turns true; a page that is under way then is dropped, and nothing of it is booked.
pub async fn run(pullers: Vec<Puller>, stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    for puller in pullers {
        tasks.spawn(pull(puller, stop.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a source is not pulled any more"
            );
        }
    }
}

async fn pull(mut puller: Puller, mut stop: watch::Receiver<bool>) {
    let wake = puller.wake().clone();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = wake.woken() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match puller.turn(&mut stop).await {
            Ok(Turn::Waits | Turn::Pulled(_)) => {}
            Err(error) => tracing::warn!(
                source = puller.source().code,
                error = &error as &dyn std::error::Error,
                "a pull will be tried again"
            ),
        }
    }
}
