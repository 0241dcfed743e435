//! What a panic says on stderr. Its message may quote a post (slicing a string inside a character does),
//! so only messages that are written in the code are printed; formatted ones never are.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// Replaces the process's panic hook by one that names thread and place, and prints no formatted message.
pub fn leave_out_messages() {
    std::panic::set_hook(Box::new(|info| {
        let trace = Backtrace::capture();
        eprintln!("{}", line(info));
        if trace.status() == BacktraceStatus::Captured {
            eprintln!("{trace}");
        }
    }));
}

fn line(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!(
        "thread '{}' panicked at {place}: {}",
        thread.name().unwrap_or("unnamed"),
        words(info.payload())
    )
}

/// A panic's message where it is a literal of the code.
pub(super) fn words(payload: &(dyn Any + Send)) -> &'static str {
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.unwrap_or("(message left out: it may quote a post)")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The panic hook belongs to the whole process, so this one is looked at in a process of its own.
    const CHILD: &str = "OVERHEARD_TEST_PANICS";

    #[test]
    fn a_message_that_quotes_a_text_is_not_printed() {
        if std::env::var_os(CHILD).is_some() {
            leave_out_messages();
            let text = "Hörer";
            let child = std::thread::Builder::new().name("analysis-0".to_owned());
            let cut = move || assert!(text.get(..2).is_some(), "secret: {text}");
            assert!(child.spawn(cut).unwrap().join().is_err());
            let child = std::thread::spawn(|| panic!("written in the code"));
            assert!(child.join().is_err());
            return;
        }
        let name = "runtime::panics::tests::a_message_that_quotes_a_text_is_not_printed";
        let output = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        assert!(!stderr.contains("secret"), "{stderr}");
        assert!(!stderr.contains("Hörer"), "{stderr}");
        assert!(
            stderr.contains("thread 'analysis-0' panicked at src/runtime/panics.rs:"),
            "{stderr}"
        );
        assert!(stderr.contains("written in the code"), "{stderr}");
    }
}
