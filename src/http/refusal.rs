//! Why a call was not admitted, in words.

use crate::billing::{CustomerError, Refusal, Short};
use crate::counters::Cap;
use crate::counters::rates::{Limit, TooSoon};
use crate::counters::throttle::Busy;
use crate::gateway::Limited;
use crate::money::NanoUsd;
use crate::wire::error::{ApiError, Code};
use std::io;
use std::time::Duration;

/// When what other calls hold may be free again.
const SOON: Duration = Duration::from_secs(1);
/// What no waiting mends.
const NEVER: Duration = Duration::from_secs(3600);

/// A refusal as its caller sees it; `param` is where the customer was named.
pub fn explain(code: Code, refusal: Refusal, param: &'static str) -> ApiError {
    match refusal {
        Refusal::Short { short, customer, month } => {
            let customer = customer.map(|customer| shown(&customer)).unwrap_or_default();
            if short.held_only {
                return held(code, short, &customer);
            }
            let left = short.left.settled.max(NanoUsd::ZERO);
            ApiError::new(
                code,
                match short.cap {
                    Cap::CustomerBudget => format!(
                        "What is left of {customer}'s budget for {month}, {left} USD, is not enough for this call. PATCH /v1/customers/<id> {{\"monthly_budget_usd\": …}} raises it; it begins anew on the 1st (UTC)."
                    ),
                    Cap::CustomerWallet => format!(
                        "What is left in {customer}'s wallet, {left} USD, is not enough for this call. POST /v1/customers/<id>/wallet/topup {{\"amount_usd\": …}} adds to it."
                    ),
                    Cap::AccountBudget => format!(
                        "What is left of this account's budget for {month}, {left} USD, is not enough for this call. PATCH /v1/account {{\"monthly_budget_usd\": …}} raises it; it begins anew on the 1st (UTC)."
                    ),
                    Cap::AccountWallet => format!(
                        "What is left in this account's wallet, {left} USD, is not enough for this call. An operator adds to it: POST /admin/ringside/accounts/<id>/credits."
                    ),
                },
            )
        }
        Refusal::Unbounded => ApiError::new(
            code,
            "What this model costs is only known after the call, so it can't be called under a budget or a wallet. Call another model, or have an operator give it a ceiling (`ceiling`) in prices.yaml.",
        )
        .param("model"),
        Refusal::Archived(customer) => ApiError::new(
            code,
            format!("{} is archived. PATCH /v1/customers/<id> {{\"archived\": false}} restores it.", shown(&customer)),
        )
        .param(param),
        Refusal::Customer(error) => customer(error, param),
        Refusal::Lapsed => ApiError::new(
            code,
            "This call made no headway for so long that it was taken for lost and charged what was held for it. Send the request again.",
        ),
        Refusal::Halted => ApiError::new(
            code,
            "This process can't tell whether it alone serves its database, so it admits no calls. Send the request again; if it stays so, its operator must look at the database.",
        ),
    }
}

/// Open holds alone are in the way: soon there may be room.
fn held(code: Code, short: Short, customer: &str) -> ApiError {
    let what = match short.cap {
        Cap::CustomerBudget => format!("{customer}'s monthly budget"),
        Cap::CustomerWallet => format!("{customer}'s wallet"),
        Cap::AccountBudget => "this account's monthly budget".to_owned(),
        Cap::AccountWallet => "this account's wallet".to_owned(),
    };
    ApiError::new(
        code,
        format!(
            "What is left of {what} is held for calls that run now. Send the request again when some of them are over, or with a smaller max_completion_tokens."
        ),
    )
    .retry_after(SOON)
    .should_retry(true)
}

/// A call that a limit stands in the way of.
pub fn limited(code: Code, limited: &Limited) -> ApiError {
    match limited {
        Limited::Customer { customer, too_soon, param } => {
            self::too_soon(code, &shown(customer), "PATCH /v1/customers/<id>", too_soon).param(*param)
        }
        Limited::Account(Busy::TooSoon(too_soon)) => {
            self::too_soon(code, "this account", "an operator's PATCH /admin/ringside/accounts/<id>", too_soon)
        }
        Limited::Account(Busy::AtOnce { most, limits }) => ApiError { limits: limits.map(Box::new), ..ApiError::new(
            code,
            format!("This account may run {most} calls at once, and as many run. Send the request again when one of them is over; an operator's PATCH /admin/ringside/accounts/<id> {{\"max_concurrent_calls\": …}} changes the limit."),
        )
        .retry_after(if *most == 0 { NEVER } else { SOON }) },
    }
}

/// A call that comes too soon for the limit of `whose`, which `patch` changes.
fn too_soon(code: Code, whose: &str, patch: &str, too_soon: &TooSoon) -> ApiError {
    let (what, member) = match too_soon.limit {
        Limit::Requests => ("requests", "rate_limit_rpm"),
        Limit::Tokens => ("tokens", "rate_limit_tpm"),
    };
    let most = too_soon.most;
    let explained = match too_soon.after {
        Some(after) => ApiError::new(
            code,
            format!("The limit of {whose}, {most} {what} a minute, is used up. Retry-After says when there is room; {patch} {{\"{member}\": …}} changes the limit."),
        )
        .retry_after(after),
        None => ApiError::new(
            code,
            format!("This request takes {} {what} (its input and the output limit that it asks for), and the limit of {whose} is {most} a minute. Send a smaller one; {patch} {{\"{member}\": …}} changes the limit.", too_soon.wanted),
        )
        .retry_after(NEVER),
    };
    ApiError { limits: Some(Box::new(too_soon.limits)), ..explained }
}

/// A customer that can't be named or made.
pub fn customer(error: CustomerError, param: &'static str) -> ApiError {
    match error {
        CustomerError::Unknown => ApiError::new(
            Code::CustomerNotFound,
            "There is no such customer. GET /v1/customers lists them; a customer of your own id is made on first sight.",
        )
        .param(param),
        CustomerError::NotAnId(expected) => {
            ApiError::new(Code::InvalidRequest, format!("Invalid value for '{param}': {expected}.")).param(param)
        }
        CustomerError::Taken => ApiError::new(
            Code::ExternalIdTaken,
            "There is a customer with this external id already. GET /v1/customers?external_id=… shows it.",
        )
        .param(param),
        CustomerError::Purged => {
            ApiError::new(Code::CustomerArchived, "This customer is being deleted for good.").param(param)
        }
        CustomerError::Journal(error) => unrecorded(Code::CountersUnavailable, &error),
    }
}

/// Nothing can be written, so no call goes out.
pub fn unrecorded(code: Code, error: &io::Error) -> ApiError {
    tracing::error!(%error, "the journal takes nothing; no calls go out");
    ApiError::new(
        code,
        "This gateway can't record calls now, so it sends none; its disk may be full. Nothing was charged. Send the request again later.",
    )
}

/// An external id in a message.
fn shown(external_id: &str) -> String {
    let cut: String = external_id.chars().filter(|c| !c.is_control()).take(80).collect();
    format!("customer `{cut}`")
}
