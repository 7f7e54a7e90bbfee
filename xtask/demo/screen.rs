//! What is shown: lines that stay, and on a terminal one line at the bottom that changes.

use std::{
    env,
    io::{IsTerminal, Write, stdout},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How often the changing line is printed where nothing can be changed.
const WITHOUT_TERMINAL: Duration = Duration::from_secs(5);

/// Columns of the summary.
const WIDTH: usize = 78;

/// What a piece of text is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    Plain,
    Faint,
    Bold,
    Good,
    Bad,
    Outlast,
}

/// The terminal, or the file that takes its place.
pub(crate) struct Screen {
    begun: Instant,
    begun_ms: u64,
    is_terminal: bool,
    is_coloured: bool,
    /// When the changing line was printed last, on no terminal.
    printed: Mutex<Option<Instant>>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let is_terminal = stdout().is_terminal();
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            begun: Instant::now(),
            begun_ms: now_ms(),
            is_terminal: is_terminal && !is_dumb,
            is_coloured: is_terminal && !is_dumb && !no_color,
            printed: Mutex::new(None),
        }
    }

    /// Seconds from the start of the demo to a moment of the machine's clock, which the servers share.
    pub(crate) fn seconds(&self, at_ms: u64) -> f64 {
        (at_ms as f64 - self.begun_ms as f64) / 1000.0
    }

    /// What happens now.
    pub(crate) fn say(&self, ink: Ink, text: &str) {
        let time = format!("{:>6.1} s", self.begun.elapsed().as_secs_f64());
        self.line(&format!("{}  {}", self.paint(Ink::Faint, &time), self.paint(ink, text)));
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        self.clear();
        println!("{text}");
    }

    /// A line across, with a title in it.
    pub(crate) fn rule(&self, title: &str) {
        let title = if title.is_empty() {
            String::new()
        } else {
            format!(" {title} ")
        };
        let rest = "─".repeat(WIDTH.saturating_sub(2 + title.chars().count()));
        let (left, rest) = (self.paint(Ink::Faint, "──"), self.paint(Ink::Faint, &rest));
        self.line(&format!("{left}{}{rest}", self.paint(Ink::Bold, &title)));
    }

    /// How far it is: replaces what this method showed before.
    pub(crate) fn progress(&self, text: &str) {
        if self.is_terminal {
            print!("\r\x1b[K          {}", self.paint(Ink::Faint, text));
            flush();
            return;
        }
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        if printed.is_none_or(|at| at.elapsed() >= WITHOUT_TERMINAL) {
            *printed = Some(Instant::now());
            println!("          {text}");
        }
    }

    /// Removes the line that changes.
    pub(crate) fn clear(&self) {
        if self.is_terminal {
            print!("\r\x1b[K");
            flush();
        }
    }

    /// Text with its colour, if there are colours.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            Ink::Faint => "2",
            Ink::Bold => "1",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Outlast => "36",
        };
        if self.is_coloured && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `1 234 567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

fn flush() {
    // A screen that can't be written to is no reason to stop.
    let _ = stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_in_threes() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(300_000), "300 000");
        assert_eq!(grouped(1_234_567), "1 234 567");
    }
}
