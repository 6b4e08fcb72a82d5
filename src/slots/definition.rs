//! One slot, as it is written.

use serde::{Deserialize, Serialize};

/// What an alias stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// In the order in which they are tried.
    pub targets: Vec<Target>,
    pub failover_on: FailoverOn,
}

/// One target of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `fc:<provider>/<model>`, or `slot:<alias>` where it is written so.
    pub target: String,
    /// Its share of the calls, of all weights together; where any target has one, those without
    /// are only tried after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// Which failures of a target are followed by the next. A target that gave the first byte of a
/// stream is never left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverOn {
    /// `upstream_unavailable`, time-outs before the first byte included.
    pub unavailable: bool,
    /// `upstream_quota_exceeded`.
    pub quota: bool,
    /// `response_schema_validation_failed`.
    pub schema: bool,
}

impl Default for FailoverOn {
    fn default() -> Self {
        Self { unavailable: true, quota: true, schema: false }
    }
}

impl FailoverOn {
    /// The words of `failover_on`, which are the codes of the errors.
    pub const WORDS: &[&str] =
        &["upstream_unavailable", "upstream_quota_exceeded", "response_schema_validation_failed"];

    pub fn none() -> Self {
        Self { unavailable: false, quota: false, schema: false }
    }

    /// Adds a word; whether there is such a word.
    pub fn add(&mut self, word: &str) -> bool {
        match word {
            "upstream_unavailable" => self.unavailable = true,
            "upstream_quota_exceeded" => self.quota = true,
            "response_schema_validation_failed" => self.schema = true,
            _ => return false,
        }
        true
    }

    /// The words that hold.
    pub fn words(self) -> Vec<&'static str> {
        let holds = [self.unavailable, self.quota, self.schema];
        Self::WORDS.iter().zip(holds).filter(|(_, holds)| *holds).map(|(word, _)| *word).collect()
    }
}

impl Definition {
    /// A slot with one target.
    pub fn to(target: impl Into<String>) -> Self {
        let target = Target { target: target.into(), weight: None };
        Self { targets: vec![target], failover_on: FailoverOn::default() }
    }

    /// Its targets in the order in which one call tries them. `draw` is a number below the sum of the
    /// weights that is given to it.
    pub fn order(&self, draw: impl FnOnce(u64) -> u64) -> Vec<&str> {
        let total: u64 = self.targets.iter().filter_map(|target| target.weight).map(u64::from).sum();
        let mut order: Vec<&Target> = self.targets.iter().collect();
        if total > 0 {
            let mut left = draw(total);
            let first = order.iter().position(|target| {
                let weight = u64::from(target.weight.unwrap_or(0));
                let here = left < weight;
                left = left.saturating_sub(weight);
                here
            });
            // The one that was drawn comes first; the rest keep their order.
            if let Some(first) = first {
                let drawn = order.remove(first);
                order.insert(0, drawn);
            }
        }
        order.into_iter().map(|target| target.target.as_str()).collect()
    }
}

/// Whether a text can be an alias: it stands in URLs and references.
pub fn is_alias(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighted(weights: &[Option<u32>]) -> Definition {
        let targets = weights.iter().enumerate();
        let targets = targets.map(|(index, weight)| Target { target: format!("t{index}"), weight: *weight }).collect();
        Definition { targets, failover_on: FailoverOn::default() }
    }

    #[test]
    fn without_weights_the_order_is_the_written_one() {
        assert_eq!(weighted(&[None, None]).order(|_| panic!("nothing to draw")), ["t0", "t1"]);
    }

    #[test]
    fn each_target_comes_first_as_often_as_its_weight_says() {
        let slot = weighted(&[Some(90), None, Some(10)]);
        let firsts: Vec<&str> = (0..100)
            .map(|drawn| {
                slot.order(|total| {
                    assert_eq!(total, 100);
                    drawn
                })[0]
            })
            .collect();
        assert_eq!(firsts.iter().filter(|first| **first == "t0").count(), 90);
        assert_eq!(firsts.iter().filter(|first| **first == "t2").count(), 10);
        assert_eq!(slot.order(|_| 95), ["t2", "t0", "t1"]);
    }

    #[test]
    fn an_alias_is_a_plain_word() {
        for good in ["chat-fast", "a", "v1.2_x"] {
            assert!(is_alias(good), "{good}");
        }
        for bad in ["", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(!is_alias(bad), "{bad}");
        }
    }
}
