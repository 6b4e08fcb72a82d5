//! A checked spec as a Rust module: its static description and its functions.

use super::chain::Chain;
use super::checker::Checker;
use super::price::Price;
use super::problem::Problem;
use super::reply::{Replies, finish_table};
use super::request::Requests;
use super::spec::{self, Auth, Model, SigV4, Spec, Submit};
use super::vocab::{CHAT_PARAMETERS, EMBEDDING_PARAMETERS, RequestMember};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;

/// The module of one provider.
pub fn module(chain: &Chain<'_>) -> Result<TokenStream, Vec<Problem>> {
    let mut check = Checker::default();
    let spec = spec::read(&chain.merged, &mut check);
    let mut functions = Functions { chain, check: &mut check, code: quote!() };
    let chat = spec.chat.as_ref().map(|chat| functions.chat(chat));
    let embeddings = spec.embeddings.as_ref().map(|operation| functions.plain("embeddings", operation));
    let moderations = spec.moderations.as_ref().map(|operation| functions.plain("moderations", operation));
    let error_parse = functions.errors(&spec);
    let code = functions.code;
    if !check.problems.is_empty() {
        return Err(check.problems);
    }
    let table = table(chain.id, &spec, &option(chat), &option(embeddings), &option(moderations), &error_parse);
    Ok(quote!(use crate::adapter::provider::*; #table #code))
}

fn option(operation: Option<TokenStream>) -> TokenStream {
    operation.map_or_else(|| quote!(None), |operation| quote!(Some(#operation)))
}

struct Functions<'f> {
    chain: &'f Chain<'f>,
    check: &'f mut Checker,
    code: TokenStream,
}

impl Functions<'_> {
    /// The path of a function of whoever in the chain of `extends` says one of `keys` last; where
    /// that is an ancestor its functions are called, and nothing is compiled twice.
    fn owner(&self, keys: &[&str], function: &str) -> (bool, TokenStream) {
        let function = format_ident!("{function}");
        match self.chain.owner(keys) {
            Some(ancestor) => {
                let ancestor = module_name(ancestor);
                (false, quote!(super::#ancestor::#function))
            }
            None => (true, quote!(#function)),
        }
    }

    fn chat(&mut self, chat: &spec::Chat) -> TokenStream {
        let mut requests = Requests { check: self.check, read: BTreeSet::new(), fetches: false };
        // Compiled even when inherited: what a child drops or refuses is checked on the whole.
        let body = requests.encode(&chat.request, "chat", &in_body(CHAT_PARAMETERS, &chat.path, &chat.stream_path));
        let fetches = requests.fetches;
        let rewrites_schema = requests.read.contains("response_format");
        let strict_counts = !rewrites_schema || requests.read.contains("schema_format.strict");
        let normalises = requests.read.iter().any(|source| NORMALISED.contains(&source.as_str()));
        let (own, encode) = self.owner(&["chat.request"], "chat_encode");
        if own {
            self.code.extend(quote!(
                pub fn chat_encode(v: &view::Chat<'_>, w: &mut Json) -> Result<(), view::Refused> { #body Ok(()) }
            ));
        }
        let (own_decode, decode) = self.owner(&["chat.response", "chat.finish"], "chat_decode");
        let (own_events, on_event) =
            self.owner(&["chat.stream.on", "chat.stream.text", "chat.finish"], "chat_on_event");
        let mut replies = Replies { check: self.check };
        let (decode_code, events_code) =
            (replies.decode("chat", &chat.response), replies.on_event(&chat.on, &chat.text));
        if own_decode {
            self.code.extend(decode_code);
        }
        if own_events {
            self.code.extend(events_code);
        }
        if own_decode || own_events {
            self.code.extend(finish_table(&chat.finish));
        }
        let (path, stream_path, reasoning) = (&chat.path, &chat.stream_path, &chat.reasoning_format);
        let (framing, replies) = (format_ident!("{}", chat.framing), format_ident!("{}", chat.replies));
        let (object, schema) = (format_ident!("{}", chat.json_object), format_ident!("{}", chat.json_schema));
        let disconnect = format_ident!("{}", chat.disconnect);
        let (without, closed) = (&chat.schema_subset.without, chat.schema_subset.closed);
        let until = chat.until.as_ref().map_or_else(|| quote!(None), |until| quote!(Some(#until)));
        let submit = option(chat.submit.as_ref().map(submit));
        let thought_tags = match &chat.thought_tags {
            Some((open, close)) => quote!(Some((#open, #close))),
            None => quote!(None),
        };
        let least_output_limit = chat.least_output_limit;
        let tool_ids = chat.tool_ids.map_or_else(|| quote!(None), |length| quote!(Some(#length)));
        quote!(ChatOperation {
            path: #path, submit: #submit, stream_path: #stream_path, framing: Framing::#framing, until: #until,
            replies: Replies::#replies, json_object: JsonObject::#object, json_schema: JsonSchema::#schema,
            schema_subset: SchemaSubset { without: &[#(#without),*], closed: #closed },
            rewrites_schema: #rewrites_schema, strict_counts: #strict_counts, disconnect: Disconnect::#disconnect,
            reasoning_format: #reasoning, thought_tags: #thought_tags, tool_ids: #tool_ids,
            least_output_limit: #least_output_limit, normalises: #normalises, fetches_images: #fetches,
            encode: #encode, decode: #decode, on_event: #on_event,
        })
    }

    fn plain(&mut self, name: &str, operation: &spec::Plain) -> TokenStream {
        let mut requests = Requests { check: self.check, read: BTreeSet::new(), fetches: false };
        let parameters = if name == "embeddings" { EMBEDDING_PARAMETERS } else { &[] };
        let parameters = in_body(parameters, &operation.path, &operation.path);
        let body = requests.encode(&operation.request, "plain", &parameters);
        let reads_inputs = requests.read.iter().any(|source| source == "inputs" || source == "only_input");
        let decode_code = Replies { check: self.check }.decode(name, &operation.response);
        let (own, encode) = self.owner(&[&format!("{name}.request")], &format!("{name}_encode"));
        if own {
            let function = format_ident!("{name}_encode");
            self.code.extend(quote!(
                pub fn #function(v: &view::Plain<'_>, w: &mut Json) -> Result<(), view::Refused> { #body Ok(()) }
            ));
        }
        let (own, decode) = self.owner(&[&format!("{name}.response")], &format!("{name}_decode"));
        if own {
            self.code.extend(decode_code);
        }
        let (path, replies) = (&operation.path, format_ident!("{}", operation.replies));
        quote!(Operation { path: #path, replies: Replies::#replies, reads_inputs: #reads_inputs, encode: #encode, decode: #decode })
    }

    fn errors(&mut self, spec: &Spec) -> TokenStream {
        let code = Replies { check: self.check }.errors(&spec.errors.body);
        let (own, parse) = self.owner(&["errors.body"], "error_parse");
        if own {
            self.code.extend(code);
        }
        parse
    }
}

/// The parameters that a body must say something of: a path says the model, and two paths whether
/// a stream is asked for.
fn in_body(parameters: &[RequestMember], path: &str, stream_path: &str) -> Vec<RequestMember> {
    let said = |name: &str| match name {
        "model" => path.contains("{model"),
        "stream" => path != stream_path,
        _ => false,
    };
    parameters.iter().filter(|(name, _)| !said(name)).copied().collect()
}

/// Sources that need the messages read, and not only copied.
const NORMALISED: &[&str] = &[
    "system_parts",
    "turns",
    "system_text",
    "transcript",
    "tools",
    "callable_tools",
    "tool_choice",
    "tool_forced",
    "tools_forbidden",
    "called_tools",
    "response_format",
    "json_object",
    "reasoning_effort",
    "reasoning_budget",
];

fn table(
    id: &str,
    spec: &Spec,
    chat: &TokenStream,
    embeddings: &TokenStream,
    moderations: &TokenStream,
    error_parse: &TokenStream,
) -> TokenStream {
    let (name, docs, base_url) = (&spec.name, &spec.docs, &spec.base_url);
    let transport = format_ident!("{}", spec.transport);
    let credentials = spec.credentials.iter().map(|credential| {
        let (name, env, optional) = (&credential.name, &credential.env, credential.optional);
        let default = text(credential.default.as_ref());
        quote!(Credential { name: #name, env: &[#(#env),*], optional: #optional, default: #default })
    });
    let auth = match &spec.auth {
        Auth::None => quote!(Auth::None),
        Auth::Bearer(credential) => quote!(Auth::Bearer(#credential)),
        Auth::Header { name, credential } => {
            quote!(Auth::Header { name: #name, credential: #credential })
        }
        Auth::AwsSigV4(SigV4 { service, region, access_key, secret_key, session_token }) => {
            let session_token = text(session_token.as_ref());
            quote!(Auth::AwsSigV4(SigV4 {
                service: #service, region: #region, access_key: #access_key, secret_key: #secret_key, session_token: #session_token,
            }))
        }
    };
    let headers = spec.headers.iter().map(|(name, value)| quote!((#name, #value)));
    let query = spec.query.iter().map(|(name, value)| quote!((#name, #value)));
    let rules = spec.errors.rules.iter().map(|rule| {
        let status = rule.status.map_or_else(|| quote!(None), |status| quote!(Some(#status)));
        let (code, kind, message) = (text(rule.code.as_ref()), text(rule.kind.as_ref()), text(rule.message.as_ref()));
        let is = format_ident!("{}", rule.is);
        quote!(ErrorRule { status: #status, code: #code, kind: #kind, message: #message, is: ErrorKind::#is })
    });
    let retry = &spec.errors.retry;
    let error_headers = spec.errors.headers.iter().map(|(member, header)| {
        let member = error_member(member);
        let header = header.to_ascii_lowercase();
        quote!((ErrorMember::#member, #header))
    });
    let models = spec.models.iter().map(model);
    quote!(
        pub static PROVIDER: Provider = Provider {
            id: #id, name: #name, docs: #docs, transport: Transport::#transport, base_url: #base_url,
            credentials: &[#(#credentials),*], auth: #auth, headers: &[#(#headers),*], query: &[#(#query),*],
            errors: Errors { parse: #error_parse, headers: &[#(#error_headers),*], rules: &[#(#rules),*], retry: &[#(#retry),*] },
            chat: #chat, embeddings: #embeddings, moderations: #moderations, models: &[#(#models),*],
        };
    )
}

/// The Rust variant of a member of an error.
fn error_member(member: &str) -> Ident {
    let (first, rest) = member.split_at(1.min(member.len()));
    format_ident!("{}{rest}", first.to_ascii_uppercase())
}

fn submit(submit: &Submit) -> TokenStream {
    let wait = submit.wait.iter().map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        quote!((#name, #value))
    });
    let Submit { state, done, failed, poll, stream, cancel, last, hosts, .. } = submit;
    quote!(Submit {
        wait: &[#(#wait),*], state: &[#(#state),*], done: &[#(#done),*], failed: &[#(#failed),*], poll: &[#(#poll),*],
        stream: &[#(#stream),*], cancel: &[#(#cancel),*], last: #last, hosts: &[#(#hosts),*],
    })
}

fn text(text: Option<&String>) -> TokenStream {
    text.map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}

fn model(model: &Model) -> TokenStream {
    let (id, kind, context, max_output) = (&model.id, format_ident!("{}", model.kind), model.context, model.max_output);
    let (capabilities, ends, successor) =
        (&model.capabilities, text(model.ends.as_ref()), text(model.successor.as_ref()));
    let (aliases, price) = (&model.aliases, price(&model.price));
    quote!(Model {
        id: #id, aliases: &[#(#aliases),*], kind: ModelKind::#kind, context_window: #context,
        max_output_tokens: #max_output, capabilities: &[#(#capabilities),*], ends: #ends, successor: #successor,
        price: #price,
    })
}

fn price(price: &Price) -> TokenStream {
    let rows = price.rows.iter().map(|row| {
        let (from, tier, on_request, at_least, rates) = (row.from, &row.tier, row.on_request, row.at_least, &row.rates);
        let hours = row.hours.iter().map(|window| {
            let (days, from, until) = (window.days, window.from, window.until);
            quote!(Window { days: #days, from: #from, until: #until })
        });
        quote!(Row::of(#from, &[#(#hours),*], #tier, #on_request, #at_least, [#(#rates),*]))
    });
    let (reported, searches) = (price.reported, price.searches);
    let ceiling = price.ceiling.map_or_else(|| quote!(None), |nano| quote!(Some(#nano)));
    let count = price.rows.len();
    // A static of its own: what may own its rows can't be promoted to one.
    quote!({
        static ROWS: [Row; #count] = [#(#rows),*];
        Price::of(&ROWS, #reported, #ceiling, #searches)
    })
}

/// The module of a provider: its id, which is a word.
pub fn module_name(id: &str) -> Ident {
    format_ident!("{id}")
}
