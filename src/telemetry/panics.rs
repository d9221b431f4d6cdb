//! A panic is a line of the log like any other.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    panic::PanicHookInfo,
};

/// What a panic says, where that is a text of the program's own: what was put together may hold what callers sent ("byte index 1 is
/// not a char boundary; it is inside …").
pub fn says(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

/// Writes down that the program panicked, and where; how it came there with `RUST_BACKTRACE=1`.
pub fn log(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let says = panic
        .payload()
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or_default();
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => tracing::error!(place, says, %backtrace, "panicked"),
        _ => tracing::error!(place, says, "panicked"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        panic::{self, AssertUnwindSafe},
        sync::{Arc, Mutex},
    };

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
        let written = Written::default();
        let writer = written.clone();
        let log = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone())
            .finish();
        let before = panic::take_hook();
        panic::set_hook(Box::new(super::log));
        let ended = tracing::subscriber::with_default(log, || panic::catch_unwind(AssertUnwindSafe(fails)));
        panic::set_hook(before);
        assert!(ended.is_err());
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
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
    }
}
