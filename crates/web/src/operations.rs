//! What the server answers: one table, from which the router, the document and the reference page
//! are built. Commands and views come from their own declarations.

mod looks;
mod view_names;

use std::sync::LazyLock;

use axum::http::Method;
use engine::{ActorKind, Command};
use machine::CommandSpec;
use office::descriptions::{self, first_sentence};
use views::ViewSpec;
use views::read::VIEWS;

use crate::handlers;
use crate::problem::kebab;
use crate::words::BilingualText;

use looks::LOOKS;
pub use looks::{FlagForm, LookFlag, LookPart, LookPlace, LookSpec};
pub use view_names::view_in_chinese;

/// What an operation does.
#[derive(Clone, Copy)]
pub enum Action {
    Give(&'static CommandSpec),
    Notices,
    Notice,
    Policy,
    PolicyReport,
    HeldTexts,
    OpenAppeals,
    OfferDecisions,
    Publications,
    Publication,
    Figure,
    Statement,
    Proposals,
    Approve,
    Withdraw,
    TakeFile(FileKind),
    OfferFile,
    Disclose,
    KeepText,
    KeepPicture,
    Quote,
    Track,
    PayoutFiles,
    PayoutAccounts,
    Look(&'static LookSpec),
    List(&'static ViewSpec),
    Detail(&'static ViewSpec),
    Search,
    SignIn,
    SetPassword,
    ChangePassword,
    StepUp,
    Session,
    PasskeyChallenge,
    PasskeySignIn,
    BeginPasskey,
    AddPasskey,
    Passkeys,
    RemovePasskey,
    BeginProvider,
    FinishProvider,
    ProviderSecondFactor,
    SignOut,
    Sessions,
    EndSession,
    Identities,
    Unlink,
    Reference,
    Style,
    OpenApi,
    Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Orders,
    /// Of a shop's product export.
    Offers,
    /// Of a network, wallet, bank or courier firm.
    Incoming,
    /// A list of what is open, with resolutions.
    Closings,
}

/// A request that the server knows.
#[derive(Clone)]
pub struct Operation {
    /// For generated clients, unique: `registerBank`.
    pub id: String,
    pub method: Method,
    /// With its parameters in braces.
    pub path: String,
    pub action: Action,
    pub about: BilingualText,
    /// Whether anybody may ask.
    pub is_open: bool,
}

/// Whether persons or API keys may give a command.
#[must_use]
pub fn is_given_here(spec: &CommandSpec) -> bool {
    spec.given_by.iter().any(|kind| matches!(kind, ActorKind::Person | ActorKind::Key))
}

/// The path of a command.
#[must_use]
pub fn command_path(name: &str) -> String {
    format!("/v1/commands/{}", kebab(name))
}

/// A name of a generated client: `registerBank`.
fn camel(kebab: &str) -> String {
    let mut camel = String::new();
    for (place, word) in kebab.split('-').filter(|word| !word.is_empty()).enumerate() {
        let (first, rest) = word.split_at(1);
        let first = if place == 0 { first.to_owned() } else { first.to_ascii_uppercase() };
        camel.extend([&*first, rest]);
    }
    camel
}

/// The name of the operation that shows one thing of a view.
#[must_use]
pub fn detail_id(view: &ViewSpec) -> String {
    camel(&format!("get-one-of-{}", view.name.replace('_', "-")))
}

/// What a command does, as it is declared.
#[must_use]
pub fn described(spec: &CommandSpec) -> String {
    descriptions::description((spec.schema)().as_value()).unwrap_or_default()
}

/// All operations, in the order of the document.
pub static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let one = |id: &str, method, path: &str, action, (en, zh): (&'static str, &'static str)| {
        let is_open = matches!(
            action,
            Action::SignIn
                | Action::SetPassword
                | Action::PasskeyChallenge
                | Action::PasskeySignIn
                | Action::BeginProvider
                | Action::FinishProvider
                | Action::ProviderSecondFactor
                | Action::Reference
                | Action::Style
                | Action::OpenApi
                | Action::Problem
                | Action::Track
                | Action::Policy
                | Action::PolicyReport
        );
        let about = BilingualText::fixed(en, zh);
        Operation { id: id.to_owned(), method, path: path.to_owned(), action, about, is_open }
    };
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let mut all = Vec::new();
    for spec in Command::specs().filter(|spec| is_given_here(spec)) {
        all.push(Operation {
            id: camel(&kebab(spec.name)),
            method: post.clone(),
            path: command_path(spec.name),
            action: Action::Give(spec),
            about: BilingualText {
                en: first_sentence(&described(spec)).trim_end_matches('.').to_owned().into(),
                zh: spec.name.into(),
            },
            is_open: false,
        });
    }
    for view in VIEWS {
        let (path, name) = (handlers::views::path(view), view.name.replace('_', "-"));
        let about = |en: &str, zh: &str| BilingualText {
            en: format!("{en}: {}", view.doc).into(),
            zh: format!("{zh}：{}", view_in_chinese(view)).into(),
        };
        all.push(Operation {
            id: camel(&format!("list-{name}")),
            method: get.clone(),
            path: path.clone(),
            action: Action::List(view),
            about: about("A list, or an export of all of it, of each", "列表或导出"),
            is_open: false,
        });
        all.push(Operation {
            id: detail_id(view),
            method: get.clone(),
            path: format!("{path}/{{key}}"),
            action: Action::Detail(view),
            about: about("One", "单条"),
            is_open: false,
        });
    }
    for look in &LOOKS {
        let name = look.path.trim_start_matches("/v1/now/").split('/').next().unwrap_or_default();
        all.push(Operation {
            id: camel(&format!("get-{name}-now")),
            method: get.clone(),
            path: look.path.to_owned(),
            action: Action::Look(look),
            about: look.about.clone(),
            is_open: false,
        });
    }
    let file = |name, kind, about| {
        let id = camel(&format!("send-{name}"));
        one(&id, Method::POST, &format!("/v1/files/{name}"), Action::TakeFile(kind), about)
    };
    all.extend(handlers::policy::POLICY_READS.map(|it| one(it.0, get.clone(), it.1, it.2, it.3)));
    all.extend(handlers::PULSE_READS.map(|it| one(it.0, get.clone(), it.1, it.2, it.3)));
    all.extend([
        one(
            "search",
            get.clone(),
            "/v1/search",
            Action::Search,
            ("What is called so, or begins so", "按名称或其开头查找"),
        ),
        one(
            "listNotices",
            get.clone(),
            "/v1/notices",
            Action::Notices,
            ("Who was told what, the newest first", "通知及其结果，最新的在前"),
        ),
        one(
            "getNotice",
            get.clone(),
            "/v1/notices/{number}",
            Action::Notice,
            ("A notice, with its attempts that failed", "一条通知及其失败的尝试"),
        ),
        one(
            "getPartyStatement",
            get.clone(),
            "/v1/statements/{party}",
            Action::Statement,
            (
                "What a seller or a courier firm is owed, line by line, for some days",
                "卖家或快递公司若干日的对账单，逐行列出",
            ),
        ),
        one(
            "listProposals",
            get.clone(),
            "/v1/proposals",
            Action::Proposals,
            ("Commands that wait for a second person", "待第二人批准的命令"),
        ),
        one(
            "approveProposal",
            post.clone(),
            "/v1/proposals/{number}/approve",
            Action::Approve,
            ("Approves a proposal as its second person", "作为第二人批准提议"),
        ),
        one(
            "withdrawProposal",
            post.clone(),
            "/v1/proposals/{number}/withdraw",
            Action::Withdraw,
            ("Withdraws a proposal", "撤回提议"),
        ),
        file("orders", FileKind::Orders, ("Announces the parcels of an order export", "导入订单")),
        file(
            "offers",
            FileKind::Offers,
            (
                "Takes the offers of a product export, all of them or none",
                "导入商品导出中的商品，全部或全不",
            ),
        ),
        one(
            "getOfferFile",
            get.clone(),
            handlers::OFFER_FILE_PATH,
            Action::OfferFile,
            ("The offers as CSV, as sendOffers takes them", "商品 CSV，可再导入"),
        ),
        file(
            "incoming",
            FileKind::Incoming,
            (
                "Takes a file of a network, wallet, bank or courier firm",
                "接收卡组织、钱包、银行或快递公司的文件",
            ),
        ),
        file(
            "closings",
            FileKind::Closings,
            ("Closes breaks by a list that is filled in", "按填好的列表将差异结案"),
        ),
        one(
            "disclose",
            post.clone(),
            "/v1/disclosures",
            Action::Disclose,
            (
                "Shows who gets a parcel, or a seller's accounts and identity; the books record it",
                "显示包裹的收件信息，或卖家的账户和证件；账簿予以记录",
            ),
        ),
        one(
            "makePayoutFiles",
            post.clone(),
            "/v1/payout-files",
            Action::PayoutFiles,
            (
                "Makes the messages to the bank of a plan (pain.001); the books record it",
                "生成一个计划的银行报文（pain.001）；账簿予以记录",
            ),
        ),
        one(
            "listPayoutAccounts",
            get.clone(),
            "/v1/payout-accounts",
            Action::PayoutAccounts,
            (
                "Which sellers have a payout account, and which wait for a second person",
                "哪些卖家有收款账户，哪些待第二人批准",
            ),
        ),
        one(
            "signIn",
            post.clone(),
            "/v1/sign-in",
            Action::SignIn,
            ("Begins a session, as a cookie", "登录，会话以 cookie 返回"),
        ),
        one(
            "keepOfferText",
            post.clone(),
            "/v1/offer-texts",
            Action::KeepText,
            (
                "Keeps title, description, captions and pictures of an offer, and answers the \
                 digest for its field `content`",
                "保存商品的标题、描述、图注和图片，返回用于 `content` 字段的摘要",
            ),
        ),
        one(
            "keepPicture",
            post.clone(),
            "/v1/pictures",
            Action::KeepPicture,
            (
                "Keeps a picture of an offer: decoded and written anew as JPEG, without metadata",
                "保存商品图片：解码后重新编码为 JPEG，不含元数据",
            ),
        ),
        one(
            "quoteCart",
            post.clone(),
            "/v1/quotes",
            Action::Quote,
            (
                "What a cart costs now, which promotions applied and why others did not, and what \
                 keeps it from being ordered",
                "购物车的现价、适用与未适用的促销及原因，以及不能下单的原因",
            ),
        ),
        one(
            "trackParcel",
            get.clone(),
            "/v1/tracking/{link}",
            Action::Track,
            ("Where a parcel of an order is, by a signed link", "凭签名链接查看订单包裹"),
        ),
        one(
            "setPassword",
            post.clone(),
            "/v1/set-password",
            Action::SetPassword,
            ("Sets the first password with the secret that was handed over", "设置首个密码"),
        ),
        one(
            "stepUp",
            post.clone(),
            "/v1/step-up",
            Action::StepUp,
            ("Gives the second factor again", "再次验证第二因素"),
        ),
        one(
            "changePassword",
            post.clone(),
            "/v1/change-password",
            Action::ChangePassword,
            ("Changes your password, and ends your other sessions", "更改密码，并结束您的其他会话"),
        ),
        one(
            "getSession",
            get.clone(),
            "/v1/session",
            Action::Session,
            ("Who you are in this session, and its token", "本会话中您的身份及其令牌"),
        ),
        one(
            "challengePasskey",
            post.clone(),
            "/v1/passkey-challenges",
            Action::PasskeyChallenge,
            ("A challenge for a passkey, good once", "通行密钥的质询，一次有效"),
        ),
        one(
            "signInWithPasskey",
            post.clone(),
            "/v1/sign-in-passkey",
            Action::PasskeySignIn,
            ("Begins a session with a passkey alone", "仅用通行密钥登录"),
        ),
        one(
            "beginPasskey",
            post.clone(),
            "/v1/new-passkeys",
            Action::BeginPasskey,
            ("What a browser needs to make a passkey", "浏览器创建通行密钥所需内容"),
        ),
        one(
            "addPasskey",
            post.clone(),
            "/v1/passkeys",
            Action::AddPasskey,
            ("Registers a passkey of yours", "登记您的通行密钥"),
        ),
        one(
            "listPasskeys",
            get.clone(),
            "/v1/passkeys",
            Action::Passkeys,
            ("Your passkeys", "您的通行密钥"),
        ),
        one(
            "removePasskey",
            delete.clone(),
            "/v1/passkeys/{number}",
            Action::RemovePasskey,
            ("Removes one of your passkeys", "移除您的一个通行密钥"),
        ),
        one(
            "goToProvider",
            get.clone(),
            "/v1/sign-in-provider",
            Action::BeginProvider,
            ("Goes to the OpenID provider to sign in there", "前往 OpenID 身份提供方登录"),
        ),
        one(
            "returnFromProvider",
            get.clone(),
            handlers::RETURN_PATH,
            Action::FinishProvider,
            ("Comes back from the OpenID provider", "自 OpenID 身份提供方返回"),
        ),
        one(
            "completeProviderSignIn",
            post.clone(),
            "/v1/sign-in-provider/second-factor",
            Action::ProviderSecondFactor,
            ("Gives the second factor after the provider", "在身份提供方之后验证第二因素"),
        ),
        one("signOut", post, "/v1/sign-out", Action::SignOut, ("Ends this session", "退出登录")),
        one(
            "listSessions",
            get.clone(),
            "/v1/sessions",
            Action::Sessions,
            ("Your sessions", "您的会话"),
        ),
        one(
            "endSession",
            delete.clone(),
            "/v1/sessions/{number}",
            Action::EndSession,
            ("Ends one of your sessions", "结束您的一个会话"),
        ),
        one(
            "listIdentities",
            get.clone(),
            "/v1/identities",
            Action::Identities,
            ("The identities that are linked to a person", "一名人员关联的身份"),
        ),
        one(
            "removeIdentity",
            delete,
            "/v1/identities/{number}",
            Action::Unlink,
            (
                "Takes a linked identity away, and ends the person's sessions",
                "取消身份的关联，并结束该人员的会话",
            ),
        ),
        one(
            "getReference",
            get.clone(),
            "/reference",
            Action::Reference,
            ("The reference of this API, as a page", "本 API 的参考页面"),
        ),
        one(
            "getStyle",
            get.clone(),
            "/style.css",
            Action::Style,
            ("The style sheet of the pages", "页面样式表"),
        ),
        one(
            "getOpenApi",
            get.clone(),
            "/openapi.json",
            Action::OpenApi,
            ("This document", "本文档"),
        ),
        one(
            "getProblem",
            get,
            "/problems/{name}",
            Action::Problem,
            ("What a type of problem means, as a page", "问题类型的说明页面"),
        ),
    ]);
    all
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_requests_are_unique() {
        let ids: BTreeSet<_> = OPERATIONS.iter().map(|one| &one.id).collect();
        assert_eq!(ids.len(), OPERATIONS.len());
        let requests: BTreeSet<_> =
            OPERATIONS.iter().map(|one| (one.method.as_str(), &one.path)).collect();
        assert_eq!(requests.len(), OPERATIONS.len());
    }

    #[test]
    fn each_view_has_a_name_in_chinese() {
        assert_eq!(view_names::VIEWS_IN_CHINESE.len(), VIEWS.len());
        for view in VIEWS {
            assert!(!view_in_chinese(view).is_ascii(), "{}", view.name);
        }
    }

    #[test]
    fn every_view_and_look_is_in_the_table_of_rights() {
        let rights: BTreeSet<&str> = access::views().collect();
        for view in VIEWS {
            assert!(rights.contains(handlers::views::right(view.name)), "{}", view.name);
        }
        for look in &LOOKS {
            let parts = look.parts.iter().map(|part| part.right);
            for right in parts.chain([look.right]) {
                assert!(rights.contains(right), "{right}");
            }
        }
        assert!(rights.contains("search") && rights.contains("proposals"));
    }

    #[test]
    fn only_what_a_person_or_a_key_may_give_is_a_command_here() {
        let is_here = |name: &str| OPERATIONS.iter().any(|one| one.path == command_path(name));
        for spec in Command::specs() {
            let expected = spec.given_by.contains(&ActorKind::Person)
                || spec.given_by.contains(&ActorKind::Key);
            assert_eq!(is_here(spec.name), expected, "{}", spec.name);
        }
        assert!(is_here("RegisterBank") && !is_here("BeginPurchase"));
    }
}
