//! Public texts of offers, and their pictures: kept under their digests, outside the journal.

use access::AccessFunction;
use axum::http::StatusCode;
use listings::{OfferText, PICTURE_BYTES_MAX};
use serde_json::{Value, json};

use crate::app::{Call, HttpAnswer, json_answer};
use crate::json::read_object;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::shop::pictures::address;
use crate::words::words;

/// Who may draft an offer may send its text.
pub(crate) const DRAFTS: AccessFunction<'_> = AccessFunction::GiveNamed("DraftOffer");
pub(crate) const PICTURE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

pub(super) async fn keep_text(mut call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_content(&["application/json"])?;
    call.require(DRAFTS)?;
    let body = call.whole_body().await?;
    let given = Value::Object(read_object(&body)?);
    let text: OfferText = serde_json::from_value(given).map_err(|error| {
        let detail = words!(
            "an offer has title, description, captions, pictures and language, and nothing else \
             ({error}); correct it",
            "商品文字只含 title、description、captions、pictures 和 language（{error}）；请更正"
        );
        Problem::new(ProblemKind::BadValue, detail)
    })?;
    let app = call.app.clone();
    let kept = call.app.workers.run(move |_| app.listings.with(|store| store.put(&text)));
    json_answer(StatusCode::OK, &json!({ "content": kept.await?? }), None)
}

pub(super) async fn keep_picture(mut call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_content(&PICTURE_TYPES)?;
    call.require(DRAFTS)?;
    let body = call.body_within(PICTURE_BYTES_MAX).await?;
    let turn = call.app.listings.decoding.clone().acquire_owned().await;
    let turn = turn.map_err(Problem::internal)?;
    let app = call.app.clone();
    let kept = call.app.workers.run(move |_| {
        let _turn = turn;
        app.listings.keep_picture(&body)
    });
    let (picture, digest) = kept.await??;
    let body = json!({
        "picture": digest,
        "bytes": picture.large.len(),
        "href": address(&digest, listings::PictureSize::Large),
    });
    json_answer(StatusCode::OK, &body, None)
}
