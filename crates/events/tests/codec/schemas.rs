//! JSON Schemas that values are held against.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// A schema that can be asked. That it is a valid one by its own draft was checked when it was made.
pub(crate) struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    #[track_caller]
    pub(crate) fn new(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let place = "https://tallymark.invalid/schema.json";
        compiler.add_resource(place, schema).unwrap();
        let index = compiler.compile(place, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    /// What is wrong with the value, if anything is.
    pub(crate) fn objection(&self, value: &Value) -> Option<String> {
        self.schemas.validate(value, self.index).err().map(|error| format!("{error:#}"))
    }

    pub(crate) fn takes(&self, value: &Value) -> bool {
        self.objection(value).is_none()
    }
}
