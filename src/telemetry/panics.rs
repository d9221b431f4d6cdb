//! A panic is a line of the log like any other, and one: of a request that it ends, the line that says so.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    cell::{Cell, RefCell},
    fmt,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    task::Poll,
};

/// A panic that was caught; a defect.
#[derive(Debug, Default)]
pub struct Panic {
    place: String,
    says: Option<&'static str>,
    /// How it came there, with `RUST_BACKTRACE=1`.
    backtrace: Option<Backtrace>,
}

impl Panic {
    fn of(panic: &PanicHookInfo<'_>) -> Self {
        let backtrace = Backtrace::capture();
        Self {
            place: panic.location().map(ToString::to_string).unwrap_or_default(),
            says: says(panic.payload()),
            backtrace: (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace),
        }
    }

    fn write(&self) {
        let (place, says) = (self.place.as_str(), self.says.unwrap_or_default());
        match &self.backtrace {
            Some(backtrace) => tracing::error!(place, says, %backtrace, "panicked"),
            None => tracing::error!(place, says, "panicked"),
        }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panic at {}", self.place)?;
        if let Some(says) = self.says {
            write!(f, ": {says}")?;
        }
        match &self.backtrace {
            Some(backtrace) => write!(f, "\n{backtrace}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Panic {}

/// What a panic says, where that is a text of the program's own: what was put together may hold what callers sent ("byte index 1 is
/// not a char boundary; it is inside …").
fn says(payload: &dyn Any) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

thread_local! {
    /// Whether this thread works on what is [`caught`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// What has panicked there, and was not told of yet.
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// The process's panic hook: writes down that the program panicked, and where, but for what is [`caught`].
pub fn log(panic: &PanicHookInfo<'_>) {
    let panic = Panic::of(panic);
    if !IS_CAUGHT.get() {
        return panic.write();
    }
    if let Some(before) = LAST.replace(Some(panic)) {
        before.write();
    }
}

/// Does something, and gives back its panic, of which there is no line yet: whoever is told of it writes one, with what it belongs to.
///
/// # Errors
///
/// Where it panics.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        let before = IS_CAUGHT.replace(true);
        let polled = panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        IS_CAUGHT.set(before);
        let last = LAST.take();
        match polled {
            Ok(polled) => {
                // Something further down has caught it, and goes on.
                if let Some(panic) = last {
                    panic.write();
                }
                polled.map(Ok)
            }
            // Without the hook its place is not known.
            Err(payload) => Poll::Ready(Err(last.unwrap_or_else(|| Panic {
                says: says(payload.as_ref()),
                ..Panic::default()
            }))),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use futures_util::FutureExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that are written while `fails` panics.
    fn lines(fails: impl FnOnce()) -> Vec<serde_json::Value> {
        let (ended, lines) = written(|| panic::catch_unwind(AssertUnwindSafe(fails)));
        assert!(ended.is_err());
        lines
    }

    fn written<T>(work: impl FnOnce() -> T) -> (T, Vec<serde_json::Value>) {
        let written = Written::default();
        let writer = written.clone();
        let log = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone())
            .finish();
        let before = panic::take_hook();
        panic::set_hook(Box::new(super::log));
        let done = tracing::subscriber::with_default(log, work);
        panic::set_hook(before);
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines = written.lines().map(|line| serde_json::from_str(line).unwrap());
        (done, lines.collect())
    }

    fn fails() {
        panic!("a defect")
    }

    /// Hooks are the process's: one test for all of it.
    #[test]
    fn a_panic_is_one_line_that_says_where_and_nothing_of_what_was_sent() {
        let of_ours = lines(|| panic!("a text of the program's"));
        let [line] = of_ours.as_slice() else {
            panic!("{of_ours:?}")
        };
        assert_eq!(line["fields"]["message"], "panicked");
        assert_eq!(line["fields"]["says"], "a text of the program's");
        let place = line["fields"]["place"].as_str().unwrap();
        assert!(place.contains("panics.rs:"), "{place}");

        let sent = String::from("党员姓名");
        let put_together = lines(|| assert!(sent.split_at(1).0.is_empty()));
        assert_eq!(put_together.len(), 1);
        assert!(!put_together[0].to_string().contains("姓名"), "{put_together:?}");
        assert_eq!(says(&"static"), Some("static"));
        assert_eq!(says(&String::from("made")), None);

        // Of what is caught whoever is told of it writes the line.
        let (panic, none) = written(|| caught(async { fails() }).now_or_never());
        assert_eq!(none, [] as [serde_json::Value; 0]);
        let text = panic.unwrap().unwrap_err().to_string();
        assert!(
            text.starts_with("panic at ") && text.contains("panics.rs:"),
            "{text}"
        );
        assert!(text.contains(": a defect"), "{text}");
        let sent = String::from("党员姓名");
        let (panic, _) = written(|| caught(async { sent.split_at(1).0.len() }).now_or_never());
        let text = panic.unwrap().unwrap_err().to_string();
        assert!(!text.contains("姓名"), "{text}");

        // What is caught further down, and goes on there, is not lost.
        let (went_on, lines) =
            written(|| caught(async { panic::catch_unwind(fails).is_err() }).now_or_never());
        assert!(went_on.unwrap().unwrap());
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["fields"]["says"], "a defect");
    }
}
