//! What a model costs: prices as a person writes them, laid out as a table of rows.
//!
//! A person writes one block of rates and what differs from it: above a context, at some hours, in
//! a tier of service, from a day on. A row has the whole of its conditions and every rate, and the
//! last row that fits a call is its price. All of it is whole numbers: a rate is nano-USD a million
//! tokens, which is femto-USD a token.

use super::checker::Checker;
use super::members::{PRICE, RATES};
use super::node::Node;

/// How many rates a row has; their order is that of [`RATES`].
pub const KINDS: usize = RATES.len();
/// Rates as they stand in a block; what is `None` follows from another.
type Block = [Option<u64>; KINDS];

/// No rate is above 10,000 USD a million tokens: a slip of the unit, not a price.
const MOST_A_MILLION: u64 = 10_000 * NANO;
/// No fee is above 100 USD.
const MOST_A_FEE: u64 = 100 * NANO;
const NANO: u64 = 1_000_000_000;
/// A fee is nano-USD; its rate, like that of a token, femto-USD.
const FEMTO: u64 = 1_000_000;

/// A price, laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// In the order in which they override each other; the first fits every call.
    pub rows: Vec<Row>,
    /// Only the provider's answer says what a call costs.
    pub reported: bool,
    /// Nano-USD that no call costs more than.
    pub ceiling: Option<u64>,
    /// Most searches of one call, for the bound of its cost.
    pub searches: u64,
}

/// Rates and when they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Milliseconds since 1970; 0 is always.
    pub from: u64,
    /// Any of them; none is always.
    pub hours: Vec<Window>,
    /// Empty where the provider names no other tier.
    pub tier: String,
    /// The tier comes only to those who ask for it.
    pub on_request: bool,
    /// Tokens of the whole prompt.
    pub at_least: u64,
    /// Femto-USD, in the order of [`RATES`].
    pub rates: [u64; KINDS],
}

/// Hours of some days of the week, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bit 0 is Monday.
    pub days: u8,
    /// Minutes of the day; from the first on, before the last.
    pub from: u16,
    pub until: u16,
}

/// A multiplier as a whole number over a power of ten.
#[derive(Clone, Copy)]
pub struct Times {
    factor: u64,
    over: u64,
}

/// Rates, and others above a context.
#[derive(Clone)]
struct Steps {
    rates: Block,
    above: Vec<(u64, Block)>,
}

/// The standard tier and others.
#[derive(Clone)]
struct Tiers {
    standard: Steps,
    others: Vec<(String, bool, Steps)>,
}

/// The usual rates and those of some hours.
#[derive(Clone)]
struct Timed {
    usual: Tiers,
    hours: Vec<(Vec<Window>, Tiers)>,
}

/// Reads a price. `members` are those that may stand beside the price's own.
pub fn read(node: &Node, beside: &[&str], check: &mut Checker) -> Price {
    let members: Vec<&str> = PRICE.iter().map(|member| member.name).chain(beside.iter().copied()).collect();
    known(node, "a price", &members, check);
    let reported = node.get("reported").and_then(Node::text) == Some("true");
    let ceiling = node.get("ceiling").and_then(|at| amount(at, "ceiling", MOST_A_FEE, check));
    let mut price = Price { reported, ceiling, ..Price::default() };
    price.searches = node.get("searches").and_then(|at| check.number(at, "`searches`")).unwrap_or(0);
    for required in ["input", "output"] {
        if node.map().is_some() && !node.has(required) && !(reported && ceiling.is_some()) {
            let why = if reported { "a reported price lacks both `ceiling` and" } else { "a price lacks" };
            check.say(&node.at, format!("{why} `{required}`"));
        }
    }
    let usual = timed(node, None, check);
    let mut periods = vec![(0, usual.clone())];
    periods.extend(dated(node, "from", &usual, check));
    let past = dated(node, "until", &usual, check);
    if !past.is_empty() {
        // Each is the price before its day: it begins where the one before it ends.
        let days: Vec<u64> = past.iter().map(|(day, _)| *day).collect();
        let begins = std::iter::once(0).chain(days.iter().copied());
        let mut all: Vec<(u64, Timed)> = begins.zip(past.into_iter().map(|(_, timed)| timed)).collect();
        let last = days.last().copied().unwrap_or(0);
        if periods.iter().skip(1).any(|(day, _)| *day <= last) {
            check.say(&node.at, "a price `from` a day that is not after every `until`");
        }
        periods[0].0 = last;
        all.append(&mut periods);
        periods = all;
    }
    for (from, timed) in &periods {
        rows(*from, timed, &mut price.rows);
    }
    price
}

fn rows(from: u64, timed: &Timed, out: &mut Vec<Row>) {
    let hours = timed.hours.iter().map(|(windows, tiers)| (windows.clone(), tiers));
    for (hours, tiers) in std::iter::once((Vec::new(), &timed.usual)).chain(hours) {
        let others = tiers.others.iter().map(|(name, on_request, steps)| (name.as_str(), *on_request, steps));
        for (tier, on_request, steps) in std::iter::once(("", false, &tiers.standard)).chain(others) {
            let above = steps.above.iter().map(|(at_least, block)| (*at_least, block));
            for (at_least, block) in std::iter::once((0, &steps.rates)).chain(above) {
                let (hours, tier) = (hours.clone(), tier.to_owned());
                out.push(Row { from, hours, tier, on_request, at_least, rates: whole(block) });
            }
        }
    }
}

/// Every rate; one that is not given follows from another, see [`RATES`].
fn whole(block: &Block) -> [u64; KINDS] {
    let mut rates = [0; KINDS];
    for (index, rate) in RATES.iter().enumerate() {
        let follows = rate.follows.iter().find_map(|name| {
            let (other, _) = RATES.iter().enumerate().find(|(_, other)| other.name == *name)?;
            block[other]
        });
        rates[index] = block[index].or(follows).unwrap_or(0);
    }
    rates
}

fn timed(node: &Node, base: Option<&Timed>, check: &mut Checker) -> Timed {
    let usual = tiers(node, base.map(|base| &base.usual), check);
    let mut hours = Vec::new();
    let given = node.get("hours");
    for item in given.and_then(Node::list).unwrap_or(&[]) {
        known(item, "`hours`", &["days", "at", "times", "above", "at_least", "tiers"], check);
        hours.push((windows(item, check), tiers(item, Some(&usual), check)));
    }
    match (given, base) {
        (Some(given), _) if given.list().is_none() => check.say(&given.at, "`hours` is a list"),
        (None, Some(base)) if !base.hours.is_empty() => match alone(node) {
            Some(times) => {
                hours = base.hours.iter().map(|(windows, tiers)| (windows.clone(), tiers.times(times))).collect();
            }
            None => restate(node, "hours", check),
        },
        _ => {}
    }
    Timed { usual, hours }
}

fn tiers(node: &Node, base: Option<&Tiers>, check: &mut Checker) -> Tiers {
    let standard = steps(node, base.map(|base| &base.standard), check);
    let mut others = Vec::new();
    for (name, tier) in node.get("tiers").and_then(Node::map).unwrap_or(&[]) {
        known(tier, "a tier", &["on_request", "times", "above", "at_least"], check);
        let on_request = tier.get("on_request").and_then(Node::text) == Some("true");
        others.push((name.name.clone(), on_request, steps(tier, Some(&standard), check)));
    }
    match (node.get("tiers"), base) {
        (Some(given), _) if given.map().is_none() => {
            check.say(&given.at, "`tiers` is a map: a tier's name as the answer has it, and its rates");
        }
        (None, Some(base)) if !base.others.is_empty() => match alone(node) {
            Some(times) => others = base.times(times).others,
            None => restate(node, "tiers", check),
        },
        _ => {}
    }
    Tiers { standard, others }
}

fn steps(node: &Node, base: Option<&Steps>, check: &mut Checker) -> Steps {
    let rates = block(node, base.map(|base| &base.rates), check);
    let mut above = Vec::new();
    for (member, more) in [("above", 1), ("at_least", 0)] {
        let Some(given) = node.get(member) else { continue };
        if given.map().is_none() {
            check.say(&given.at, format!("`{member}` is a map: tokens of the prompt, and the rates"));
        }
        for (tokens, step) in given.map().unwrap_or(&[]) {
            known(step, &format!("`{member}`"), &["times"], check);
            match tokens.name.parse::<u64>() {
                Ok(tokens) => above.push((tokens.saturating_add(more), block(step, Some(&rates), check))),
                Err(_) => check.say(&tokens.at, format!("`{}` is no number of tokens", tokens.name)),
            }
        }
    }
    above.sort_by_key(|(tokens, _)| *tokens);
    if above.is_empty()
        && let Some(base) = base
        && !base.above.is_empty()
    {
        match alone(node) {
            Some(times) => above = base.times(times).above,
            None => restate(node, "above", check),
        }
    }
    Steps { rates, above }
}

/// The rates of a block on those that it differs from.
fn block(node: &Node, base: Option<&Block>, check: &mut Checker) -> Block {
    let mut rates = base.copied().unwrap_or_default();
    if let Some(given) = node.get("times") {
        match (base, times(given.text().unwrap_or(""))) {
            (None, _) => check.say(&given.at, "`times` multiplies other rates, and there are none here"),
            (_, None) => check.say(&given.at, "`times` is a decimal of at most 4 places such as 0.5"),
            (Some(_), Some(times)) => match scaled(&rates, times) {
                Some(scaled) => rates = scaled,
                None => check.say(&given.at, "`times` gives a rate of more than 9 decimals, or one beyond any price"),
            },
        }
    }
    for (index, rate) in RATES.iter().enumerate() {
        if let Some(given) = node.get(rate.name) {
            let most = if rate.fee { MOST_A_FEE } else { MOST_A_MILLION };
            let nano = amount(given, rate.name, most, check);
            rates[index] = nano.map(|nano| if rate.fee { nano * FEMTO } else { nano });
        }
    }
    rates
}

impl Steps {
    fn times(&self, times: Times) -> Self {
        let scale = |block: &Block| scaled(block, times).unwrap_or(*block);
        Self {
            rates: scale(&self.rates),
            above: self.above.iter().map(|(tokens, block)| (*tokens, scale(block))).collect(),
        }
    }
}

impl Tiers {
    fn times(&self, times: Times) -> Self {
        let others = self.others.iter().map(|(name, asked, steps)| (name.clone(), *asked, steps.times(times)));
        Self { standard: self.standard.times(times), others: others.collect() }
    }
}

/// The multiplier of a block that names no rate: then all that it inherits is multiplied.
fn alone(node: &Node) -> Option<Times> {
    let names = |node: &Node| RATES.iter().any(|rate| node.has(rate.name));
    (!names(node)).then(|| node.get("times").and_then(Node::text).and_then(times)).flatten()
}

/// A block that names rates does not know what becomes of the rates that depend on them.
fn restate(node: &Node, member: &str, check: &mut Checker) {
    check.say(
        &node.at,
        format!("what is inherited has `{member}`, so a block with rates of its own says its own `{member}`"),
    );
}

/// Prices by day, in the order of the days.
fn dated(node: &Node, member: &str, usual: &Timed, check: &mut Checker) -> Vec<(u64, Timed)> {
    let mut periods = Vec::new();
    let Some(given) = node.get(member) else { return periods };
    if given.map().is_none() {
        check.say(&given.at, format!("`{member}` is a map: a day such as \"2026-12-01\", and the rates"));
    }
    for (day, block) in given.map().unwrap_or(&[]) {
        known(block, &format!("`{member}`"), &["times", "above", "at_least", "tiers", "hours"], check);
        match unix_day(&day.name) {
            Some(days) => periods.push((days * 86_400_000, timed(block, Some(usual), check))),
            None => check.say(&day.at, format!("`{}` is no day such as \"2026-12-01\"", day.name)),
        }
    }
    periods.sort_by_key(|(from, _)| *from);
    periods
}

fn windows(item: &Node, check: &mut Checker) -> Vec<Window> {
    let days = item.get("days").map_or(Some(0b111_1111), |node| week(node.text().unwrap_or("")));
    if let (None, Some(node)) = (days, item.get("days")) {
        check.say(&node.at, "`days` is such as mon-fri or sat,sun");
    }
    let days = days.unwrap_or(0);
    let Some(at) = item.get("at") else {
        return vec![Window { days, from: 0, until: 1440 }];
    };
    let mut windows = Vec::new();
    for hours in at.list().unwrap_or(std::slice::from_ref(at)) {
        match hours.text().and_then(|text| text.split_once('-')).map(|(from, until)| (minute(from), minute(until))) {
            Some((Some(from), Some(until))) if from < until => windows.push(Window { days, from, until }),
            _ => check.say(&hours.at, "hours are such as \"01:00-04:00\", UTC; a day ends at 24:00"),
        }
    }
    windows
}

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn week(text: &str) -> Option<u8> {
    let day = |name: &str| WEEK.iter().position(|day| *day == name.trim());
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        if first > last {
            return None;
        }
        days |= (first..=last).fold(0, |days, day| days | 1 << day);
    }
    Some(days)
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

/// Days since 1970 of `YYYY-MM-DD`.
pub fn unix_day(text: &str) -> Option<u64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let (year, month, day): (u64, u64, u64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    Some(years + lengths[..month as usize - 1].iter().sum::<u64>() + day - 1)
}

/// Complains of members of a block that are no rates and not in `also`.
fn known(node: &Node, what: &str, also: &[&str], check: &mut Checker) {
    let names: Vec<&str> = RATES.iter().map(|rate| rate.name).chain(also.iter().copied()).collect();
    check.only(node, what, &names);
}

fn amount(node: &Node, name: &str, most: u64, check: &mut Checker) -> Option<u64> {
    let what = if most == MOST_A_FEE { "USD" } else { "USD a million tokens" };
    match node.text().and_then(nano_usd) {
        None => {
            check.say(&node.at, format!("`{name}` is {what}, a decimal of at most 9 places such as 0.15"));
            None
        }
        Some(nano) if nano > most => {
            let most = most / NANO;
            check.say(&node.at, format!("`{name}` is {what}; more than {most} is a slip of the unit"));
            None
        }
        nano => nano,
    }
}

/// Decimal text to nano-USD, exactly.
pub fn nano_usd(text: &str) -> Option<u64> {
    decimal(text, 9)
}

/// A multiplier's text.
pub fn times(text: &str) -> Option<Times> {
    decimal(text, 4).filter(|factor| *factor > 0).map(|factor| Times { factor, over: 10_000 })
}

/// A block multiplied, its fees left as they are; `None` where that is not exact or beyond any price.
fn scaled(block: &Block, times: Times) -> Option<Block> {
    let mut scaled = *block;
    for (rate, kind) in scaled.iter_mut().zip(RATES) {
        if let (Some(rate), false) = (rate, kind.fee) {
            *rate = multiplied(*rate, times)?;
        }
    }
    Some(scaled)
}

/// The rate of a token multiplied, likewise.
pub fn multiplied(rate: u64, times: Times) -> Option<u64> {
    let product = u128::from(rate) * u128::from(times.factor);
    let exact = product % u128::from(times.over) == 0;
    u64::try_from(product / u128::from(times.over)).ok().filter(|rate| exact && *rate <= MOST_A_MILLION)
}

fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || fraction.len() > places || (text.contains('.') && !digits(fraction)) {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}
