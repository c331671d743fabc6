//! The types of configuration values, and how their text is read and written, both as Kafka does.

use std::fmt;

/// A key's type; the number is DescribeConfigs' code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigType {
    /// `true` or `false`, in any case.
    Boolean = 1,
    /// Text without the blanks around it.
    String = 2,
    /// 32 bits.
    Int = 3,
    /// 16 bits.
    Short = 4,
    /// 64 bits.
    Long = 5,
    /// A floating-point number.
    Double = 6,
    /// Texts with commas between them.
    List = 7,
    /// The name of a class; nothing that Ottla could load.
    Class = 8,
    /// Text that is never shown.
    Password = 9,
}

/// A value of one of the types.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// An int, short or long.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
    /// A string, class or password.
    Text(String),
    /// A list.
    List(Vec<String>),
}

impl ConfigType {
    /// The code of DescribeConfigs.
    pub fn code(self) -> i8 {
        self as i8
    }

    /// Kafka's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Int => "int",
            Self::Short => "short",
            Self::Long => "long",
            Self::Double => "double",
            Self::List => "list",
            Self::Class => "class",
            Self::Password => "password",
        }
    }

    /// Reads a value of this type, or says what it should have been.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let trimmed = text.trim();
        match self {
            Self::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            Self::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            Self::Boolean => Err("it must be true or false".to_owned()),
            Self::Int => integer(trimmed, i32::MIN.into(), i32::MAX.into(), "a 32-bit integer"),
            Self::Short => integer(trimmed, i16::MIN.into(), i16::MAX.into(), "a 16-bit integer"),
            Self::Long => integer(trimmed, i64::MIN, i64::MAX, "a 64-bit integer"),
            Self::Double => match trimmed.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Double(number)),
                _ => Err("it must be a number".to_owned()),
            },
            Self::List if trimmed.is_empty() => Ok(Value::List(Vec::new())),
            Self::List => {
                Ok(Value::List(trimmed.split(',').map(|item| item.trim().to_owned()).collect()))
            }
            Self::String | Self::Class => Ok(Value::Text(trimmed.to_owned())),
            Self::Password => Ok(Value::Text(text.to_owned())),
        }
    }
}

fn integer(text: &str, min: i64, max: i64, what: &str) -> Result<Value, String> {
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(Value::Integer(number)),
        _ => Err(format!("it must be {what}")),
    }
}

impl Value {
    /// The text of the value as DescribeConfigs answers it.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            value => Some(value.to_string()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Boolean(value) => write!(formatter, "{value}"),
            Self::Integer(value) => write!(formatter, "{value}"),
            // Java writes large doubles with an exponent and whole ones with a fraction.
            Self::Double(value) if value.abs() >= 1e7 => write!(formatter, "{value:E}"),
            Self::Double(value) => write!(formatter, "{value:?}"),
            Self::Text(value) => formatter.write_str(value),
            Self::List(values) => formatter.write_str(&values.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_what_it_writes() {
        for (config_type, text, written) in [
            (ConfigType::Boolean, " TRUE ", "true"),
            (ConfigType::Int, " -7", "-7"),
            (ConfigType::Long, "9223372036854775807", "9223372036854775807"),
            (ConfigType::Double, "0.5", "0.5"),
            (ConfigType::Double, "1", "1.0"),
            (ConfigType::Double, "1.7976931348623157E308", "1.7976931348623157E308"),
            (ConfigType::List, "a , b,c", "a,b,c"),
            (ConfigType::List, " ", ""),
            (ConfigType::String, " a b ", "a b"),
            (ConfigType::Password, " a ", " a "),
        ] {
            assert_eq!(config_type.parse(text).unwrap().text().unwrap(), written);
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_what_it_should_be() {
        for (config_type, text, message) in [
            (ConfigType::Boolean, "yes", "true or false"),
            (ConfigType::Int, "2147483648", "32-bit"),
            (ConfigType::Short, "32768", "16-bit"),
            (ConfigType::Long, "1.5", "64-bit"),
            (ConfigType::Long, "", "64-bit"),
            (ConfigType::Double, "NaN", "a number"),
        ] {
            assert!(config_type.parse(text).unwrap_err().contains(message));
        }
    }
}
