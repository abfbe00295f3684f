//! JSON by miniserde, the smallest decoder: what its derive lacks is a list that may be null, and a bound on depth.

use super::ITEM;
use crate::token::{ApiToken, push};
use miniserde::de::{Seq, Visitor};
use miniserde::{Deserialize, Result, json, make_place};

/// How deep a document may nest, unless it is short. miniserde keeps some 40 bytes for each level, of which a body can have
/// millions.
const DEEPEST: u32 = 128;
const SHORT: usize = 16 * 1024;

pub(crate) fn tokens(document: &str) -> std::result::Result<Vec<ApiToken>, String> {
    let Body { tokens } = object(document).ok_or_else(String::new)?;
    match tokens.flaw {
        Some(flaw) => Err(format!("{ITEM}{}: {flaw}", tokens.items.len() + 1)),
        None => Ok(tokens.items),
    }
}

pub(crate) fn object<T: Deserialize>(document: &str) -> Option<T> {
    // The error says nothing.
    if document.len() < SHORT || is_shallow(document) { json::from_str(document).ok() } else { None }
}

fn is_shallow(document: &str) -> bool {
    let mut depth = 0u32;
    let mut bytes = document.bytes();
    let mut in_text = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_text = !in_text,
            b'\\' => drop(bytes.next()),
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > DEEPEST {
                    return false;
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[derive(Deserialize)]
struct Body {
    tokens: List<Token>,
}

#[derive(Deserialize)]
struct Token {
    // The two that are required, so that the flaw has a name; the derive takes a missing one for null.
    name: Option<String>,
    id: Option<String>,
    organization: Option<String>,
    group: Option<String>,
    scopes: Option<List<String>>,
    created_at: Option<String>,
}

/// What a [`List`] is made of.
trait Item: Deserialize {
    type Kept;
    fn keep(self) -> std::result::Result<Self::Kept, &'static str>;
}

impl Item for String {
    type Kept = Self;

    fn keep(self) -> std::result::Result<Self, &'static str> {
        Ok(self)
    }
}

impl Item for Token {
    type Kept = ApiToken;

    fn keep(self) -> std::result::Result<ApiToken, &'static str> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(ApiToken {
            name: self.name.ok_or("missing field `name`")?,
            id: self.id.ok_or("missing field `id`")?,
            organization: filled(self.organization),
            group: filled(self.group),
            scopes: self.scopes.map_or_else(Vec::new, |scopes| scopes.items),
            created_at: filled(self.created_at),
        })
    }
}

/// A list or null, up to the first item with a flaw.
struct List<T: Item> {
    items: Vec<T::Kept>,
    flaw: Option<&'static str>,
}

make_place!(Place);

impl<T: Item> Deserialize for List<T> {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }
}

impl<T: Item> Visitor for Place<List<T>> {
    fn null(&mut self) -> Result<()> {
        self.out = Some(List { items: Vec::new(), flaw: None });
        Ok(())
    }

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        self.null()?;
        Ok(Box::new(ListSeq { list: self.out.as_mut().ok_or(miniserde::Error)?, item: None }))
    }
}

struct ListSeq<'a, T: Item> {
    list: &'a mut List<T>,
    item: Option<T>,
}

impl<T: Item> ListSeq<'_, T> {
    fn keep(&mut self) {
        match self.item.take().map(T::keep) {
            Some(Ok(item)) => push(&mut self.list.items, item),
            Some(Err(flaw)) => self.list.flaw = Some(flaw),
            None => {}
        }
    }
}

impl<T: Item> Seq for ListSeq<'_, T> {
    fn element(&mut self) -> Result<&mut dyn Visitor> {
        self.keep();
        // What follows a flaw is read, as it has to be JSON, but not kept.
        Ok(if self.list.flaw.is_some() { <dyn Visitor>::ignore() } else { T::begin(&mut self.item) })
    }

    fn finish(&mut self) -> Result<()> {
        self.keep();
        Ok(())
    }
}
