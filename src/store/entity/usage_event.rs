//! `usage_events`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[expect(clippy::struct_field_names, reason = "columns are named as in the API")]
#[sea_orm(table_name = "usage_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub account_id: String,
    pub token_id: String,
    pub request_id: String,
    pub response_id: Option<String>,
    pub created: i64,
    pub customer: Option<String>,
    pub endpoint: String,
    pub reference: String,
    pub provider: String,
    pub model: String,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub cached_input_tokens: i64,
    pub usage: String,
    pub raw_usage: Option<String>,
    pub estimated: bool,
    pub cost_nano_usd: i64,
    pub list_cost_nano_usd: i64,
    pub billable_nano_usd: Option<i64>,
    pub price_version: String,
    pub tags: String,
    pub session_id: Option<String>,
    pub properties: String,
    pub status: String,
    pub error_code: Option<String>,
    pub attempts: i64,
    pub streamed: bool,
    pub latency_ms: i64,
    pub first_token_ms: Option<i64>,
    pub customer_id: Option<String>,
    pub held_nano_usd: Option<i64>,
    pub customer_debit_nano_usd: Option<i64>,
    pub account_debit_nano_usd: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
