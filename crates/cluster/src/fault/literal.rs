//! Values as Rust expressions.

use std::fmt::Write as _;
use std::time::Duration;

use kafka_sim_core::{BrokerId, SimTime};

/// A value that can be written down as a Rust expression.
pub(crate) trait Literal {
    /// Appends the expression.
    fn write_literal(&self, out: &mut String);
}

/// `head { name: value, .. }`
pub(crate) fn fields(out: &mut String, head: &str, fields: &[(&str, &dyn Literal)]) {
    out.push_str(head);
    out.push_str(" { ");
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
        out.push_str(": ");
        value.write_literal(out);
    }
    out.push_str(" }");
}

/// `head(argument)`
pub(crate) fn call(out: &mut String, head: &str, argument: &dyn Literal) {
    out.push_str(head);
    out.push('(');
    argument.write_literal(out);
    out.push(')');
}

macro_rules! plain_numbers {
    ($($number:ty),*) => {
        $(impl Literal for $number {
            fn write_literal(&self, out: &mut String) {
                out.push_str(&self.to_string());
            }
        })*
    };
}
plain_numbers!(i16, i32, u32, u64);

impl Literal for String {
    fn write_literal(&self, out: &mut String) {
        // Debug escapes as Rust does; writing to a String cannot fail.
        let _ = write!(out, "{self:?}.into()");
    }
}

impl Literal for BrokerId {
    fn write_literal(&self, out: &mut String) {
        call(out, "BrokerId", &self.0);
    }
}

impl Literal for SimTime {
    fn write_literal(&self, out: &mut String) {
        nanos(out, "SimTime", self.as_nanos());
    }
}

impl Literal for Duration {
    fn write_literal(&self, out: &mut String) {
        nanos(out, "Duration", u64::try_from(self.as_nanos()).unwrap_or(u64::MAX));
    }
}

fn nanos(out: &mut String, head: &str, nanos: u64) {
    let (unit, amount) = match nanos {
        n if n % 1_000_000 == 0 => ("millis", n / 1_000_000),
        n => ("nanos", n),
    };
    call(out, &format!("{head}::from_{unit}"), &amount);
}

impl<T: Literal> Literal for Option<T> {
    fn write_literal(&self, out: &mut String) {
        match self {
            Some(value) => call(out, "Some", value),
            None => out.push_str("None"),
        }
    }
}

impl<T: Literal> Literal for Vec<T> {
    fn write_literal(&self, out: &mut String) {
        out.push_str("vec![");
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            value.write_literal(out);
        }
        out.push(']');
    }
}
