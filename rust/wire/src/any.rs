//! Any request or answer, for whoever handles all of them alike: dispatch, fuzzing, tools.

use base::codec::{DecodeError, EncodeError, Message, Reader, Writer};

use crate::api::{ApiKey, for_each_api};

macro_rules! any_message {
    ($(
        $key:literal $name:ident $min:literal - $max:literal $served:literal $flexible:tt:
        $request:ident $response:ident,
    )*) => {
        /// A request of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyRequest {
            $(#[doc = concat!("`", stringify!($name), "`")] $name(crate::$request),)*
        }

        /// An answer of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyResponse {
            $(#[doc = concat!("`", stringify!($name), "`")] $name(crate::$response),)*
        }

        any_message!(@impl AnyRequest $($name $request)*);
        any_message!(@impl AnyResponse $($name $response)*);
    };
    (@impl $any:ident $($name:ident $message:ident)*) => {
        impl $any {
            /// Reads the body of a message of this kind and version.
            pub fn decode(
                api: ApiKey,
                reader: &mut Reader,
                version: i16,
            ) -> Result<Self, DecodeError> {
                match api {
                    $(ApiKey::$name => crate::$message::decode(reader, version).map(Self::$name),)*
                }
            }

            /// Writes the body.
            pub fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
                match self {
                    $(Self::$name(message) => message.encode(writer, version),)*
                }
            }

            /// Which kind it is.
            pub fn api(&self) -> ApiKey {
                match self {
                    $(Self::$name(_) => ApiKey::$name,)*
                }
            }
        }
    };
}

for_each_api!(any_message);
