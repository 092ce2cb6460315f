//! The ports.

use async_trait::async_trait;
use cpm_domain::{
    aws::{AwsError, Instance, Refusal},
    command::{Agent, CommandReport, CommandRequest, FunctionReport, MAX_COMMENT, Ping},
    id::InstanceId,
};
use cpm_ports::{Agents, Clock, Commands, Functions, Place};
use jiff::{SignedDuration, Timestamp};

use super::{CalledFunction, FakeSystems, FunctionOutcome, SentCommand, State};
use crate::{aws::Home, chance::scatter, faults::Calling, held};

const SEND: &str = "ssm:SendCommand";
const LOOK: &str = "ssm:GetCommandInvocation";
const CALL: &str = "lambda:InvokeFunction";

/// The version of every agent.
const VERSION: &str = "3.3.1611.0";

fn refused(refusal: Refusal, action: &str, code: &str, message: impl Into<String>) -> AwsError {
    AwsError { refusal, action: action.to_owned(), code: code.to_owned(), message: message.into() }
}

/// Systems Manager shows no instance that is stopped or terminated.
fn runs(instance: &Instance) -> bool {
    !instance.is_gone && !instance.is_stopped
}

impl FakeSystems {
    /// A call to a place: faults, then access, then what it does.
    async fn call<T>(
        &self,
        actions: &'static [&'static str],
        key: impl std::fmt::Display + Send,
        place: &Place,
        effect: impl FnOnce(&mut State, &Home, Timestamp) -> Result<T, AwsError> + Send,
    ) -> Result<T, AwsError> {
        let now = self.clock.now();
        let action = actions.first().copied().unwrap_or_default();
        self.faults
            .call(Calling::new(actions, key, Some(place)), |_| {
                let home = self.aws.enter(place, action, now)?;
                effect(&mut held(&self.state), &home, now)
            })
            .await
    }

    fn take(
        &self,
        state: &mut State,
        home: &Home,
        now: Timestamp,
        request: &CommandRequest,
    ) -> Result<String, AwsError> {
        if request.comment.chars().count() > MAX_COMMENT {
            let message = "Value at 'comment' failed to satisfy constraint: length less than or equal to 100";
            return Err(refused(Refusal::Invalid, SEND, "ValidationException", message));
        }
        if state.missing.contains(&request.document) {
            let message = format!("document {} does not exist in your account", request.document);
            return Err(refused(Refusal::NotFound, SEND, "InvalidDocument", message));
        }
        let there = self.aws.instance_at(home, &request.instance).filter(runs);
        if there.is_none() || state.unmanaged.contains(&request.instance) {
            let message =
                format!("Instances [[{}]] not in a valid state for account {}", request.instance, home.account);
            return Err(refused(Refusal::NotFound, SEND, "InvalidInstanceId", message));
        }
        let number = state.commands.len() as u64 + 1;
        let id = format!("{:08x}-0000-4000-8000-{number:012x}", scatter(number) & 0xffff_ffff);
        let is_online = !state.agents.contains_key(&request.instance);
        let command = SentCommand {
            account: home.account.clone(),
            region: home.region.clone(),
            id: id.clone(),
            request: request.clone(),
            at: now,
            began: is_online.then_some(now),
            cancelled: None,
            outcome: state.outcome(request),
        };
        state.commands.push(command);
        Ok(id)
    }
}

impl State {
    /// The commands of a place that AWS shows by now.
    fn known(&self, home: &Home, now: Timestamp) -> impl Iterator<Item = &SentCommand> {
        let lag = self.lag;
        self.commands.iter().filter(move |command| command.is_at(home) && command.at + lag <= now)
    }
}

impl SentCommand {
    fn is_at(&self, home: &Home) -> bool {
        self.account == home.account && self.region == home.region
    }
}

#[async_trait]
impl Commands for FakeSystems {
    async fn send(&self, place: &Place, request: &CommandRequest) -> Result<String, AwsError> {
        let key = format!("{} {}", request.instance, request.comment);
        self.call(&[SEND], key, place, |state, home, now| self.take(state, home, now, request)).await
    }

    async fn look(
        &self,
        place: &Place,
        command: &str,
        instance: &InstanceId,
    ) -> Result<Option<CommandReport>, AwsError> {
        self.call(&[LOOK], format!("{instance} {command}"), place, |state, home, now| {
            if !state.commands.iter().any(|sent| sent.id == command && sent.is_at(home)) {
                return Err(refused(Refusal::NotFound, LOOK, "InvalidCommandId", ""));
            }
            let mut known = state.known(home, now);
            Ok(known
                .find(|sent| sent.id == command && sent.request.instance == *instance)
                .map(|sent| sent.report(now)))
        })
        .await
    }

    async fn find(
        &self,
        place: &Place,
        instance: &InstanceId,
        comment: &str,
        since: Timestamp,
    ) -> Result<Option<String>, AwsError> {
        let key = format!("{instance} {comment}");
        self.call(&["ssm:ListCommandInvocations"], key, place, |state, home, now| {
            // AWS is asked by the second.
            let ours = state.known(home, now).filter(|sent| {
                sent.request.instance == *instance
                    && sent.request.comment == comment
                    && sent.at.as_second() >= since.as_second()
            });
            Ok(ours.max_by_key(|sent| sent.at).map(|sent| sent.id.clone()))
        })
        .await
    }

    async fn cancel(&self, place: &Place, command: &str) -> Result<(), AwsError> {
        self.call(&["ssm:CancelCommand"], command, place, |state, home, now| {
            let sent = state.commands.iter_mut().find(|sent| sent.id == command && sent.is_at(home));
            if let Some(sent) = sent.filter(|sent| sent.report(now).state == cpm_domain::command::CommandState::Open)
            {
                sent.cancelled = Some(now);
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Functions for FakeSystems {
    async fn call(
        &self,
        place: &Place,
        function: &str,
        payload: &str,
        timeout: SignedDuration,
    ) -> Result<FunctionReport, AwsError> {
        let outcome = FakeSystems::call(self, &[CALL], function, place, |state, home, now| {
            if state.missing.contains(function) {
                let message = format!("Function not found: {function}");
                return Err(refused(Refusal::NotFound, CALL, "ResourceNotFoundException", message));
            }
            state.calls.push(CalledFunction {
                account: home.account.clone(),
                region: home.region.clone(),
                function: function.to_owned(),
                payload: payload.to_owned(),
                at: now,
            });
            Ok(state.functions.get(function).cloned().unwrap_or_else(FunctionOutcome::success))
        })
        .await?;
        let waits = outcome.takes.min(timeout);
        if waits > SignedDuration::ZERO {
            self.clock.sleep(waits).await;
        }
        if outcome.takes > timeout {
            return Err(refused(Refusal::Unknown, CALL, "Timeout", "AWS did not answer in time"));
        }
        Ok(FunctionReport { failure: outcome.failure, log: outcome.log })
    }
}

#[async_trait]
impl Agents for FakeSystems {
    async fn agents(&self, place: &Place, instances: &[InstanceId]) -> Result<Vec<Agent>, AwsError> {
        self.call(&["ssm:DescribeInstanceInformation"], &place.region, place, |state, home, now| {
            let there = instances.iter().filter_map(|id| self.aws.instance_at(home, id));
            let managed = there.filter(|instance| runs(instance) && !state.unmanaged.contains(&instance.id));
            let agents = managed.map(|instance| {
                let (ping, last_seen) = state.agents.get(&instance.id).copied().unwrap_or((Ping::Online, now));
                Agent {
                    instance: instance.id,
                    ping,
                    version: Some(VERSION.to_owned()),
                    last_seen: Some(last_seen),
                    platform: instance.platform,
                }
            });
            Ok(agents.collect())
        })
        .await
    }
}
