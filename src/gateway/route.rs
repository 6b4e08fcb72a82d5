//! Which targets a call may go to, in which order, and when it goes on to the next.

use super::ending::{Ending, Failure, Watch, failure};
use super::reference::{self, Reference};
use super::resolve::{Operation, Target, resolve};
use super::{Answer, Content, Error, Gateway};
use crate::slots::FailoverOn;
use std::sync::Arc;

/// The targets of one call.
pub(super) struct Route {
    /// In order; those that can't be called at all hold the reason.
    targets: Vec<Result<Target, Error>>,
    failover_on: FailoverOn,
    /// Whether an alias was named: its targets are watched, and rest when they fail.
    slot: bool,
}

/// What a reference leads to.
///
/// # Errors
/// Where it leads nowhere: a slot fails only when none of its targets can be called.
pub(super) fn route(gateway: &Gateway, reference: &str, operation: Operation) -> Result<Route, Error> {
    match reference::parse(reference, gateway.providers).map_err(Error::Reference)? {
        Reference::Direct { provider, model } => {
            let target = resolve(gateway, reference, provider, model, operation)?;
            Ok(Route { targets: vec![Ok(target)], failover_on: FailoverOn::none(), slot: false })
        }
        Reference::Slot(alias) => {
            let Some(definition) = gateway.slots.get(alias) else {
                return Err(Error::Slot { alias: alias.to_owned() });
            };
            let order = gateway.slots.order(&definition);
            let mut targets: Vec<Result<Target, Error>> =
                order.iter().map(|target| direct(gateway, target, operation)).collect();
            if targets.iter().all(Result::is_err) && !targets.is_empty() {
                return Err(targets.swap_remove(0).err().unwrap_or(Error::Slot { alias: alias.to_owned() }));
            }
            Ok(Route { targets, failover_on: definition.failover_on, slot: true })
        }
    }
}

fn direct(gateway: &Gateway, reference: &str, operation: Operation) -> Result<Target, Error> {
    match reference::parse(reference, gateway.providers).map_err(Error::Reference)? {
        Reference::Direct { provider, model } => resolve(gateway, reference, provider, model, operation),
        // Nested slots are written out when a table is made.
        Reference::Slot(alias) => Err(Error::Slot { alias: alias.to_owned() }),
    }
}

impl Route {
    /// The targets that can be called.
    pub fn callable(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().flatten()
    }

    /// Those of them that may be called: without failover only the first.
    pub fn reachable(&self) -> impl Iterator<Item = &Target> {
        self.callable().take(if self.fails_over() { usize::MAX } else { 1 })
    }

    /// Whether another target may be tried when one fails.
    pub fn fails_over(&self) -> bool {
        self.callable().count() > 1 && self.failover_on != FailoverOn::none()
    }

    /// Calls one target after another until one answers, or fails in a way that the next can't mend.
    ///
    /// # Errors
    /// Of the last target that was called.
    pub async fn run<F>(self, gateway: &Gateway, mut call: impl FnMut(Target) -> F) -> Result<Answer, Error>
    where
        F: Future<Output = Result<Answer, Error>>,
    {
        let (mut tried, mut attempts) = (Vec::new(), 0);
        let mut last = Error::Upstream(crate::upstream::UpstreamError::unreadable());
        let mut targets = self.targets.into_iter().flatten().peekable();
        while let Some(mut target) = targets.next() {
            if targets.peek().is_some() {
                target.failover_on = self.failover_on;
            }
            let failover_on = target.failover_on;
            let reference = target.reference.clone();
            let watch = self.slot.then(|| Watch { slots: Arc::clone(&gateway.slots), target: reference.to_string() });
            let error = match call(target).await {
                Ok(mut answer) => {
                    match (watch, &mut answer.content) {
                        // How a stream goes is known at its end.
                        (Some(watch), Content::Stream(stream)) => stream.watched_by(watch),
                        (Some(watch), _) => watch.tell(Ending::Answered),
                        (None, _) => {}
                    }
                    tried.push(reference);
                    answer.facts.models_tried = tried;
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if let Some(watch) = watch {
                watch.tell(Ending::of(&error));
            }
            last = match error {
                Error::Tried { cause, attempts: tries, .. } => {
                    tried.push(reference.clone());
                    attempts = tries;
                    *cause
                }
                // It was not called.
                other => other,
            };
            if !goes_on(failover_on, &last) {
                break;
            }
            tracing::debug!(target = reference.as_str(), code = last.code().text(), "the next target is tried");
        }
        if tried.is_empty() {
            return Err(last);
        }
        Err(Error::Tried { cause: Box::new(last), models: tried, attempts })
    }
}

/// Whether a target that failed so is followed by the next.
pub(super) fn goes_on(failover_on: FailoverOn, error: &Error) -> bool {
    failure(error).is_some_and(|failure| match failure {
        Failure::Unavailable => failover_on.unavailable,
        Failure::Quota => failover_on.quota,
        Failure::Schema => failover_on.schema,
    })
}
