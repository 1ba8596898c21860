//! Checks files of figures, and their statements against the views.

use std::collections::{BTreeMap, BTreeSet};

use views::ViewSpec;
use views::read::{AskedColumn, AskedStatement, EmptyTables, VIEWS};

use super::file::{
    FIGURES_MAX, FILE_BYTES_MAX, FigureFile, FigureFileError, FigureForm, FigureProblem,
    IDENTITIES_MAX, IdentityForm, TEXT_CHARS_MAX, TextForm,
};
use super::{
    Bilingual, Figure, FigureAudience, FigureIdentity, FigureParts, FigureSection, FigureSet,
    FigureUnit, digest_of,
};

const ID_CHARS_MAX: usize = 60;
/// In the place of a figure: nothing.
const ZERO: &str = "zero";

/// The views of figures for everyone, with the columns that are for finance only.
const EVERYONE: [(&str, &[&str]); 11] = [
    ("commands", &["by_kind", "by_id"]),
    ("market_orders", &["buyer", "by_platform"]),
    ("market_parcels", &["seller"]),
    ("order_units", &["seller", "offer", "variant", "by_platform", "by_seller"]),
    ("orders", &["seller", "reference"]),
    ("parcels", &["seller", "firm", "courier"]),
    ("payments", &["fees", "deducted", "rail", "rail_kind", "tariff", "tariff_version"]),
    ("refunds", &["fee"]),
    ("text_appeals", &["seller", "judged_by"]),
    ("text_decisions", &["seller", "decided_by"]),
    ("text_rules", &[]),
];

/// What the statements of an audience may read.
pub(crate) fn may_read(audience: FigureAudience) -> fn(&str, &str) -> bool {
    match audience {
        FigureAudience::Everyone => |table, column| {
            let mut views = EVERYONE.iter();
            views.any(|(name, hidden)| *name == table && !hidden.contains(&column))
        },
        FigureAudience::Finance => |table, _| VIEWS.iter().any(|view| view.name == table),
    }
}

fn check_id(id: &str) -> Result<(), FigureProblem> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_id = !id.is_empty() && id.len() <= ID_CHARS_MAX && id.chars().all(fits) && id != ZERO;
    if is_id { Ok(()) } else { Err(FigureProblem::Id(id.chars().take(ID_CHARS_MAX).collect())) }
}

fn bilingual(of: &str, key: &'static str, text: &TextForm) -> Result<Bilingual, FigureProblem> {
    let one = |text: &Option<String>, language| {
        let text = text.as_deref().map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Err(FigureProblem::Language { of: of.to_owned(), key, language });
        }
        if text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(FigureProblem::Text { of: of.to_owned(), key });
        }
        Ok(text.to_owned())
    };
    Ok(Bilingual { en: one(&text.en, "en")?, zh: one(&text.zh, "zh")? })
}

struct Reader {
    tables: EmptyTables,
    ids: BTreeSet<String>,
    set: FigureSet,
}

pub(super) fn read(files: &[(&str, &str)]) -> Result<FigureSet, FigureFileError> {
    let of = |file: &str| {
        let file = file.to_owned();
        move |what| FigureFileError { file: file.clone(), what }
    };
    let mut forms = Vec::new();
    for (name, text) in files {
        forms.push((*name, parse(text).map_err(of(name))?));
    }
    let tables = EmptyTables::new().map_err(|error| {
        let what = FigureProblem::Toml { line: 0, what: error.to_string() };
        FigureFileError { file: files.first().map_or_else(String::new, |one| one.0.into()), what }
    })?;
    let mut reader = Reader { tables, ids: BTreeSet::new(), set: FigureSet::default() };
    for ((name, form), (_, text)) in forms.iter().zip(files) {
        reader.file(form).map_err(of(name))?;
        reader.set.files.push(((*name).to_owned(), digest_of([*text])));
    }
    for (name, form) in &forms {
        for one in &form.identity {
            reader.identity(one).map_err(of(name))?;
        }
    }
    let mut set = reader.set;
    let last = files.last().map_or("", |one| one.0);
    if let Some(circle) = circle(&set.identities) {
        return Err(of(last)(FigureProblem::Circle(circle)));
    }
    set.sections.sort_by_key(|section| section.place);
    Ok(set)
}

fn parse(text: &str) -> Result<FigureFile, FigureProblem> {
    if text.len() > FILE_BYTES_MAX {
        return Err(FigureProblem::FileTooLong);
    }
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        FigureProblem::Toml { line, what: error.message().to_owned() }
    })
}

impl Reader {
    fn take_id(&mut self, id: &str) -> Result<(), FigureProblem> {
        check_id(id)?;
        match self.ids.insert(id.to_owned()) {
            true => Ok(()),
            false => Err(FigureProblem::Twice(id.to_owned())),
        }
    }

    fn file(&mut self, form: &FigureFile) -> Result<(), FigureProblem> {
        let section = &form.section;
        check_id(&section.id)?;
        let known = self.set.sections.iter().any(|one| one.id == section.id);
        if !known {
            let title = bilingual(&section.id, "title", &section.title)?;
            let (id, place) = (section.id.clone(), section.place);
            self.set.sections.push(FigureSection { id, place, title });
        }
        for one in &form.figure {
            let figure = self.figure(&section.id, &form.with, one)?;
            self.set.figures.push(figure);
        }
        let is_many = self.set.figures.len() > FIGURES_MAX;
        if is_many { Err(FigureProblem::TooMany) } else { Ok(()) }
    }

    fn figure(
        &mut self,
        section: &str,
        with: &BTreeMap<String, String>,
        form: &FigureForm,
    ) -> Result<Figure, FigureProblem> {
        self.take_id(&form.id)?;
        let begun = beginning(with, form)?;
        let own_sql = format!("{begun}{}", form.sql.trim());
        let text = |key, text| bilingual(&form.id, key, text);
        let name = text("name", &form.name)?;
        let definition = text("definition", &form.definition)?;
        let excludes = text("excludes", &form.excludes)?;
        let words = form.words.iter().map(|(word, said)| Ok((word.clone(), text("words", said)?)));
        let words = words.collect::<Result<BTreeMap<_, _>, FigureProblem>>()?;
        let mut columns = Vec::new();
        if form.by.is_some() {
            columns.push(AskedColumn::Text("by_word"));
        }
        let mut value = Vec::new();
        if form.unit == FigureUnit::Money {
            value.push(AskedColumn::Text("currency"));
        }
        value.push(AskedColumn::Number("value"));
        columns.extend(&value);
        // The column has a name of its own in the file.
        let sql = match &form.by {
            Some(by) => {
                check_id(by)?;
                let rest: Vec<&str> = value.iter().map(|column| column.name()).collect();
                let rest = rest.join(", ");
                format!("SELECT {by} AS by_word, {rest} FROM (\n{own_sql}\n) AS figure")
            }
            None => own_sql.clone(),
        };
        let statement = self.statement(form, "sql", &sql, &columns, form.audience)?;
        let parts = form.parts.as_ref().map(|parts| {
            let view = ViewSpec::find(&parts.view).ok_or_else(|| FigureProblem::NoView {
                figure: form.id.clone(),
                view: parts.view.clone(),
            })?;
            let key = view.key.iter().filter_map(|name| view.column(name));
            let columns: Vec<AskedColumn> = key.map(AskedColumn::Of).chain(value.clone()).collect();
            // Parts are shown to who may read all rows of their view.
            let audience = FigureAudience::Finance;
            let sql = format!("{begun}{}", parts.sql.trim());
            let statement = self.statement(form, "parts.sql", &sql, &columns, audience)?;
            Ok(FigureParts { view, sql, statement })
        });
        let parts = parts.transpose()?;
        let mut said = vec![form.id.as_str(), form.unit.name(), own_sql.as_str()];
        said.extend(form.by.as_deref());
        said.extend(parts.iter().flat_map(|parts: &FigureParts| [parts.view.name, &parts.sql]));
        for text in [&definition, &excludes] {
            said.extend([text.en.as_str(), text.zh.as_str()]);
        }
        let digest = digest_of(said);
        Ok(Figure {
            id: form.id.clone(),
            section: section.to_owned(),
            audience: form.audience,
            unit: form.unit,
            name,
            definition,
            excludes,
            by: form.by.clone(),
            words,
            is_check: form.check,
            headline: form.headline,
            shares: form.shares,
            sql: own_sql,
            statement,
            parts,
            digest,
        })
    }

    fn statement(
        &mut self,
        form: &FigureForm,
        key: &'static str,
        sql: &str,
        columns: &[AskedColumn],
        audience: FigureAudience,
    ) -> Result<AskedStatement, FigureProblem> {
        let checked = self.tables.check(sql, columns, may_read(audience));
        checked.map_err(|fault| FigureProblem::Statement { figure: form.id.clone(), key, fault })
    }

    fn identity(&mut self, form: &IdentityForm) -> Result<(), FigureProblem> {
        self.take_id(&form.id)?;
        let name = bilingual(&form.id, "name", &form.name)?;
        let find = |id: &str| {
            self.set.figure(id).ok_or_else(|| FigureProblem::NoFigure {
                identity: form.id.clone(),
                figure: id.to_owned(),
            })
        };
        let unit = find(&form.whole)?.unit;
        if form.parts.is_empty() {
            return Err(FigureProblem::NoParts(form.id.clone()));
        }
        let mut parts = Vec::new();
        for part in form.parts.iter().filter(|part| *part != ZERO) {
            let (adds, id) = part.strip_prefix('-').map_or((true, part.as_str()), |id| (false, id));
            if find(id)?.unit != unit {
                let (identity, figure) = (form.id.clone(), id.to_owned());
                return Err(FigureProblem::OtherUnit { identity, figure });
            }
            parts.push((adds, id.to_owned()));
        }
        let (id, whole) = (form.id.clone(), form.whole.clone());
        self.set.identities.push(FigureIdentity { id, name, whole, parts });
        let is_many = self.set.identities.len() > IDENTITIES_MAX;
        if is_many { Err(FigureProblem::TooMany) } else { Ok(()) }
    }
}

/// `WITH name AS (…), …` of the statements that a figure begins with.
fn beginning(with: &BTreeMap<String, String>, form: &FigureForm) -> Result<String, FigureProblem> {
    let mut all = Vec::new();
    for name in &form.with {
        check_id(name)?;
        let sql = with
            .get(name)
            .ok_or_else(|| FigureProblem::NoWith { figure: form.id.clone(), name: name.clone() })?;
        all.push(format!("{name} AS (\n{}\n)", sql.trim()));
    }
    Ok(if all.is_empty() { String::new() } else { format!("WITH {}\n", all.join(", ")) })
}

/// Figures of which each is a part of the next, if they come back to the first.
fn circle(identities: &[FigureIdentity]) -> Option<Vec<String>> {
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in identities {
        let of = one.parts.iter().map(|(_, part)| part.as_str());
        parts.entry(&one.whole).or_default().extend(of);
    }
    let mut done = BTreeSet::new();
    for whole in parts.keys() {
        let mut path = Vec::new();
        if let Some(found) = follow(whole, &parts, &mut path, &mut done) {
            return Some(found);
        }
    }
    None
}

fn follow<'f>(
    at: &'f str,
    parts: &BTreeMap<&'f str, Vec<&'f str>>,
    path: &mut Vec<&'f str>,
    done: &mut BTreeSet<&'f str>,
) -> Option<Vec<String>> {
    if let Some(place) = path.iter().position(|one| *one == at) {
        let circle = path[place..].iter().chain([&at]).map(|one| (*one).to_owned());
        return Some(circle.collect());
    }
    if done.contains(at) {
        return None;
    }
    path.push(at);
    for part in parts.get(at).into_iter().flatten() {
        if let Some(found) = follow(part, parts, path, done) {
            return Some(found);
        }
    }
    path.pop();
    done.insert(at);
    None
}
