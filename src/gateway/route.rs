//! Which targets a call may go to, in which order, and when it goes on to the next.

use super::reference::{self, Reference};
use super::resolve::{Operation, Target, resolve};
use super::{Answer, Error, Gateway};
use crate::adapter::provider::ErrorKind;
use crate::slots::FailoverOn;
use tokio::time::Instant;

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
        let mut tried = Vec::new();
        let mut last = None;
        let mut targets = self.targets.into_iter().flatten().peekable();
        while let Some(mut target) = targets.next() {
            if targets.peek().is_some() {
                target.failover_on = self.failover_on;
            }
            let failover_on = target.failover_on;
            let reference = target.reference();
            tried.push(reference.clone());
            let error = match call(target).await {
                Ok(mut answer) => {
                    if self.slot {
                        gateway.slots.rest.succeeded(&reference);
                    }
                    answer.facts.models_tried = tried;
                    return Ok(answer);
                }
                Err(error) => error,
            };
            match (self.slot, failure(&error)) {
                (true, Some(Failure::Unavailable | Failure::Quota)) => {
                    gateway.slots.rest.failed(&reference, Instant::now());
                }
                // It answered: what it answered is no fault of its own.
                (true, _) if answered(&error) => gateway.slots.rest.succeeded(&reference),
                _ => {}
            }
            if !goes_on(failover_on, &error) {
                return Err(error);
            }
            tracing::debug!(target = reference, code = error.code().text(), "the next target is tried");
            last = Some(error);
        }
        Err(last.unwrap_or_else(|| Error::Upstream(crate::upstream::UpstreamError::unreadable())))
    }
}

/// Whether the target was called at all, and said something.
fn answered(error: &Error) -> bool {
    matches!(error, Error::Upstream(_) | Error::Schema(_))
}

/// Whether a target that failed so is followed by the next.
pub(super) fn goes_on(failover_on: FailoverOn, error: &Error) -> bool {
    failure(error).is_some_and(|failure| match failure {
        Failure::Unavailable => failover_on.unavailable,
        Failure::Quota => failover_on.quota,
        Failure::Schema => failover_on.schema,
    })
}

/// Failures that another target may not have.
enum Failure {
    Unavailable,
    Quota,
    Schema,
}

fn failure(error: &Error) -> Option<Failure> {
    match error {
        Error::Upstream(error) => match error.kind {
            ErrorKind::Unavailable | ErrorKind::Auth => Some(Failure::Unavailable),
            ErrorKind::Quota => Some(Failure::Quota),
            ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentFilter => None,
        },
        Error::Schema(_) => Some(Failure::Schema),
        _ => None,
    }
}
