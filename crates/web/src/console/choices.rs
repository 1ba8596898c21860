//! References: what can be meant by one, and which parcel an order's reference names.

use access::Principal;
use axum::http::StatusCode;
use pages::{ChoicesFragment, Link, view_of};
use switch::waybill;
use views::read::{FilterOperator, ListQuery, ReadViewError, RowsOf, VIEWS, ViewReader};
use views::{ColumnKind, ViewSpec, ViewValue};

use super::form::Form;
use super::rows::{page_row, person_names, read, with};
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::views::{rows_of, wait_for, wanted};
use crate::problem::ProblemKind;
use crate::query::QueryParameters;
use crate::view_values::type_of;

/// Choices of one field.
const CHOICES_MAX: u32 = 50;
/// Of the letters that a similar name shares.
const ALIKE_CHARACTERS: usize = 3;
const ALIKE_MAX: usize = 5;

/// What a reference can mean: each value with what it is called.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    pub known: Vec<(String, String)>,
    /// There are no others.
    pub is_all: bool,
}

/// The view with the things of a type of identifier.
pub(super) fn view_of_type(id_type: &str) -> Option<&'static ViewSpec> {
    if id_type == "ParcelId" {
        return ViewSpec::find("parcels");
    }
    VIEWS.iter().find(|view| {
        let key = view.key.first().and_then(|key| view.column(key));
        matches!(key.map(|key| key.kind), Some(ColumnKind::Id(kind))
            if type_of(kind) == Some(id_type) && view_of(kind) == Some(view.name))
    })
}

/// What can be meant in a view by what begins so.
pub(super) fn choices(
    reader: &mut ViewReader,
    principal: &Principal,
    view: &'static ViewSpec,
    begins: &str,
    names: &pages::PartyNames,
) -> Result<Choices, ReadViewError> {
    let Ok(scope) = rows_of(principal, view) else { return Ok(Choices::default()) };
    if view.name == "parcels" {
        let known = orders(reader, principal, FilterOperator::BeginsWith(begins.to_owned()))?;
        let known = known.into_iter().map(|(value, _, name)| (value, name)).collect();
        return Ok(Choices { known, is_all: false });
    }
    let reference = view.columns.iter().position(|column| column.name == "reference");
    let mut ask = match reference {
        Some(_) if !begins.is_empty() => {
            with(view, "reference", FilterOperator::BeginsWith(begins.to_owned()), None)
        }
        _ => ListQuery::of(view),
    };
    (ask.scope, ask.limit) = (scope, CHOICES_MAX);
    let page = match reader.list(&ask) {
        // Nobody's own.
        Err(ReadViewError::Asked(_)) => return Ok(Choices::default()),
        page => page?,
    };
    let mut known: Vec<(String, String)> = Vec::new();
    let is_all = page.next.is_none() && begins.is_empty();
    for values in page.rows {
        let row = page_row(view, values);
        let Some(key) = view.key.first().and_then(|key| row.raw_of(view, key)) else { continue };
        let is_removed = row.raw_of(view, "removed") == Some("true");
        let bits = view.place(view.key[0]).map(|place| row.values[place].clone());
        let name = match (row.raw_of(view, "reference"), bits) {
            (Some(reference), _) => Some(reference.to_owned()),
            (None, Some(ViewValue::Number(bits))) => names.get(&(view.name, bits)).cloned(),
            _ => None,
        };
        let name = name.unwrap_or_else(|| key.to_owned());
        // A seller has a row for each currency.
        if !is_removed && known.iter().all(|(other, _)| *other != key) {
            known.push((key.to_owned(), name));
        }
    }
    known.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(Choices { known, is_all })
}

/// Parcels by the references of their orders: waybill, identifier, and the order with its seller.
fn orders(
    reader: &mut ViewReader,
    principal: &Principal,
    reference: FilterOperator,
) -> Result<Vec<(String, String, String)>, ReadViewError> {
    let Some(view) = ViewSpec::find("orders") else { return Ok(Vec::new()) };
    let Ok(scope) = rows_of(principal, view) else { return Ok(Vec::new()) };
    let mut ask = with(view, "reference", reference, None);
    (ask.scope, ask.limit) = (scope, CHOICES_MAX);
    let page = match reader.list(&ask) {
        Err(ReadViewError::Asked(_)) => return Ok(Vec::new()),
        page => page?,
    };
    let rows = page.rows.into_iter().filter_map(|values| {
        let parcel = match view.place("parcel").map(|place| &values[place]) {
            Some(ViewValue::Parcel(parcel)) => *parcel,
            _ => return None,
        };
        let row = page_row(view, values);
        let (seller, order) = (row.raw_of(view, "seller")?, row.raw_of(view, "reference")?);
        let shipment: u8 = row.raw_of(view, "shipment")?.parse().ok()?;
        let named = (waybill::write(parcel), format!("{seller}/{order}"), order.to_owned());
        Some((shipment, named))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    Ok(rows.into_iter().map(|(_, named)| named).collect())
}

/// What a text names as a parcel.
pub(super) enum NamedParcel {
    /// An identifier, or a form that the API reads.
    As(String),
    /// An order of several sellers: each as the API reads it.
    Several(Vec<String>),
    Nothing,
}

/// Reads a waybill or an identifier; neither needs the views.
pub(super) fn plain_parcel(text: &str) -> Option<String> {
    if let Ok(id) = waybill::read(text.as_bytes()) {
        return Some(format!("par_{id}"));
    }
    let id: Option<books::ParcelId> = text.strip_prefix("par_").unwrap_or(text).parse().ok();
    id.map(|id| format!("par_{id}")).or_else(|| text.contains('/').then(|| text.to_owned()))
}

/// Finds the parcel of an order by the reference alone.
pub(super) fn parcel_of_order(
    reader: &mut ViewReader,
    principal: &Principal,
    text: &str,
) -> Result<NamedParcel, ReadViewError> {
    let found = orders(reader, principal, FilterOperator::Equal(ViewValue::text(text)))?;
    // Of an order's shipments the last one is meant: it is the one that can be acted on.
    let mut sellers: Vec<&str> = found.iter().map(|(_, named, _)| named.as_str()).collect();
    sellers.sort_unstable();
    sellers.dedup();
    Ok(match (found.last(), sellers.len()) {
        (None, _) => NamedParcel::Nothing,
        (Some((waybill, ..)), 1) => match plain_parcel(waybill) {
            Some(id) => NamedParcel::As(id),
            None => NamedParcel::Nothing,
        },
        _ => NamedParcel::Several(sellers.into_iter().map(str::to_owned).collect()),
    })
}

/// Names that begin as one that there is not.
pub(super) fn alike(
    reader: &mut ViewReader,
    principal: &Principal,
    view: &'static ViewSpec,
    text: &str,
) -> Result<Vec<String>, ReadViewError> {
    let begin: String = text.chars().take(ALIKE_CHARACTERS).collect();
    if begin.is_empty() || view.column("reference").is_none() {
        return Ok(Vec::new());
    }
    let found = choices(reader, principal, view, &begin, &pages::PartyNames::new())?;
    Ok(found.known.into_iter().take(ALIKE_MAX).map(|(_, name)| name).collect())
}

/// The address that gives the choices of a view.
pub(super) fn address(view: &ViewSpec) -> String {
    Link::to(super::CHOICES_PATH).with("view", view.name).text()
}

/// Choices for what is being typed.
pub(super) async fn fragment(visit: Visit) -> HttpAnswer {
    let query = visit.call.parts.uri.query().unwrap_or_default().to_owned();
    let form = Form::read(&query)?;
    let view = ViewSpec::find(form.get("view")).ok_or(ProblemKind::NoSuchPath)?;
    // The field's own name is that of the form.
    let begins = form.pairs().find(|(name, _)| *name != "view").map_or("", |(_, value)| value);
    let begins = begins.trim().to_owned();
    let principal = visit.call.caller()?.principal.clone();
    if rows_of(&principal, view).is_ok_and(|scope| scope != RowsOf::Everyone)
        && view.owners.seller.is_none()
        && view.owners.courier.is_none()
        && view.owners.firm.is_none()
    {
        return Err(ProblemKind::NotPermitted.into());
    }
    let wanted = wanted(&visit.call, &QueryParameters::default())?;
    let app = visit.call.app.clone();
    wait_for(&app, wanted).await?;
    let done = visit.call.app.workers.run(move |giver| {
        let names = person_names(giver, &principal);
        let found = read(&app, giver, |reader| choices(reader, &principal, view, &begins, &names))?;
        html(&ChoicesFragment { known: found.known }, StatusCode::OK)
    });
    done.await?
}
