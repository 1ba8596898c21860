//! What each operation does.

pub(crate) mod checkout;
mod commands;
pub(crate) mod files;
mod identities;
mod listings;
mod looks;
pub(crate) mod market;
pub(crate) mod notices;
mod pages;
mod passkeys;
pub(crate) mod personal_data;
pub(crate) mod policy;
mod proposals;
mod provider;
mod pulse;
pub(crate) mod sessions;
pub(crate) mod views;

pub(crate) use commands::{ACCOUNT, DIGEST, SET_PAYOUT_ACCOUNT, carry_out, shown as shown_events};
pub(crate) use files::{OFFER_FILE_PATH, flags as file_flags};
pub(crate) use identities::PERSON;
pub(crate) use listings::{DRAFTS, PICTURE_TYPES};
pub(crate) use notices::PARAMETERS as NOTICE_PARAMETERS;
pub(crate) use passkeys::USE_FIELDS;
pub(crate) use proposals::{APPROVE, WITHDRAW, as_seen, decide};
pub(crate) use provider::{RETURN_PATH, complete_with_code};
pub(crate) use pulse::{FIGURE_PARAMETERS, PARTS_SHOWN, PULSE_READS, figure_of};

use crate::app::{Call, HttpAnswer};
use crate::operations::Action;

/// Carries out the operation of a call.
pub(crate) async fn answer(call: Call) -> HttpAnswer {
    match call.operation.action {
        Action::Give(spec) => commands::give(call, spec).await,
        Action::Notices => notices::list(call).await,
        Action::Notice => notices::one(call).await,
        Action::Policy => policy::policy(call).await,
        Action::PolicyReport => policy::report(call).await,
        Action::HeldTexts => policy::held(call).await,
        Action::OpenAppeals => policy::appeals(call).await,
        Action::OfferDecisions => policy::offer(call).await,
        Action::Publications => pulse::list(call).await,
        Action::Publication => pulse::one(call).await,
        Action::Figure => pulse::figure(call).await,
        Action::Statement => crate::console::statement_of(call).await,
        Action::Proposals => proposals::list(call).await,
        Action::Approve => proposals::approve(call).await,
        Action::Withdraw => proposals::withdraw(call).await,
        Action::TakeFile(kind) => files::take(call, kind).await,
        Action::OfferFile => files::offers(call).await,
        Action::Disclose => personal_data::disclose(call).await,
        Action::PayoutFiles => personal_data::payout_files(call).await,
        Action::PayoutAccounts => personal_data::payout_accounts(call).await,
        Action::Look(spec) => looks::look(call, spec).await,
        Action::List(view) => views::list(call, view).await,
        Action::Detail(view) => views::detail(call, view).await,
        Action::Search => views::search(call).await,
        Action::SignIn => sessions::sign_in(call).await,
        Action::SetPassword => sessions::set_password(call).await,
        Action::ChangePassword => sessions::change_password(call).await,
        Action::StepUp => sessions::step_up(call).await,
        Action::Session => sessions::current(call).await,
        Action::PasskeyChallenge => passkeys::challenge(call).await,
        Action::PasskeySignIn => passkeys::sign_in(call).await,
        Action::BeginPasskey => passkeys::begin(call).await,
        Action::AddPasskey => passkeys::add(call).await,
        Action::Passkeys => passkeys::list(call).await,
        Action::RemovePasskey => passkeys::remove(call).await,
        Action::BeginProvider => provider::begin(call).await,
        Action::FinishProvider => provider::finish(call).await,
        Action::ProviderSecondFactor => provider::second_factor(call).await,
        Action::SignOut => sessions::sign_out(call).await,
        Action::KeepText => listings::keep_text(call).await,
        Action::KeepPicture => listings::keep_picture(call).await,
        Action::Quote => market::quote(call).await,
        Action::Track => market::track(call).await,
        Action::Sessions => sessions::list(call).await,
        Action::Identities => identities::list(call).await,
        Action::Unlink => identities::remove(call).await,
        Action::EndSession => sessions::end(call).await,
        Action::Reference => pages::reference(&call),
        Action::Style => pages::style(&call),
        Action::OpenApi => pages::open_api(&call),
        Action::Problem => pages::problem(&call),
    }
}
