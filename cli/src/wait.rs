//! Waiting for what goes on in the deployment.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    fault::{Fault, Faults},
    screen::{Screen, tell},
};

/// How often in a row the deployment may fail to answer before the wait is given up.
const PATIENCE: u32 = 10;
/// How often something may not be there that was just started: what Step Functions tells is a little behind.
const BEHIND: u32 = 20;

/// A wait that is under way: a spinner on a terminal, a line for each change elsewhere.
pub(crate) struct Waiting {
    bar: Option<ProgressBar>,
    said: String,
    polls: u32,
    missing: u32,
}

impl Waiting {
    /// Waits for the end of what is known so far; tells how it stands, the end too.
    pub(crate) async fn from<T>(
        screen: &Screen,
        known: T,
        standing: impl Fn(&T) -> String,
        is_over: impl Fn(&T) -> bool,
        question: impl AsyncFn() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut waiting = Self::begin(screen, &standing(&known));
        if is_over(&known) {
            return Ok(known);
        }
        waiting.pause().await;
        waiting.until(standing, is_over, question).await
    }

    /// Begins; `what` says what is waited for.
    pub(crate) fn begin(screen: &Screen, what: &str) -> Self {
        let bar = screen.is_watched().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let mut waiting = Self { bar, said: String::new(), polls: 0, missing: 0 };
        waiting.say(what);
        waiting
    }

    /// Tells how it stands.
    pub(crate) fn say(&mut self, what: &str) {
        if self.said == what {
            return;
        }
        what.clone_into(&mut self.said);
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => tell(what),
        }
    }

    /// Asks; what passes by itself is asked again for a while.
    pub(crate) async fn ask<T>(&mut self, question: impl AsyncFn() -> Result<T, Fault>) -> Result<T, Fault> {
        let mut failures = 0;
        loop {
            match question().await {
                Err(fault) if fault.is_passing() && failures < PATIENCE => failures += 1,
                Err(fault) if fault.is_missing() && self.missing < BEHIND => self.missing += 1,
                answer => return answer,
            }
            self.pause().await;
        }
    }

    /// Asks again and again until it is over, and tells how it stands.
    pub(crate) async fn until<T>(
        &mut self,
        standing: impl Fn(&T) -> String,
        is_over: impl Fn(&T) -> bool,
        question: impl AsyncFn() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        loop {
            let answer = self.ask(&question).await?;
            self.say(&standing(&answer));
            if is_over(&answer) {
                return Ok(answer);
            }
            self.pause().await;
        }
    }

    /// Lets some time go by: little at first, more the longer it takes.
    async fn pause(&mut self) {
        self.polls = self.polls.saturating_add(1);
        tokio::time::sleep(match self.polls {
            0..8 => Duration::from_millis(250),
            8..40 => Duration::from_secs(1),
            40..100 => Duration::from_secs(3),
            _ => Duration::from_secs(10),
        })
        .await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Waits for `work`, unless Ctrl-C ends the wait; `goes_on` says what does not end with it.
pub(crate) async fn interruptible<T, E: Into<Faults>>(
    work: impl Future<Output = Result<T, E>>,
    goes_on: &str,
) -> Result<T, Faults> {
    tokio::select! {
        answer = work => answer.map_err(E::into),
        Ok(()) = tokio::signal::ctrl_c() => Err(Fault::new("stopped waiting", goes_on).interrupted().into()),
    }
}
