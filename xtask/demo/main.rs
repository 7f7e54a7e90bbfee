//! A migration that outlasts its primary, to look at: `cargo xtask demo`.
//!
//! Three real servers, an application that writes all the time, one `outlast submit`, one `kill -9`, one promotion from
//! outside, one planned switchover; and at the end every row compared with what MySQL's own ALTER makes.

mod cast;
mod failover;
mod history;
mod proof;
mod screen;
mod story;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use screen::Screen;

#[tokio::main]
async fn main() -> ExitCode {
    let screen = Screen::new();
    // Whichever ends first, the other is dropped, and with it servers and agents.
    let outcome = tokio::select! {
        outcome = story::tell(&screen) => outcome,
        outcome = interrupted() => outcome,
    };
    screen.clear();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn interrupted() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("listening to signals")?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.context("listening to signals")?,
        _ = terminated.recv() => {}
    }
    bail!("interrupted; servers and agents are gone")
}
