use schemars::Schema;

use crate::ActorKind;

/// What a machine declares about one of its commands.
pub struct CommandSpec {
    /// The command's number in the journal. Never used for another command.
    pub number: u8,
    /// Its name, for example `BeginPurchase`.
    pub name: &'static str,
    /// Who may give it.
    pub given_by: &'static [ActorKind],
    /// The JSON schema of its fields: names, types, units, ranges, descriptions.
    pub schema: fn() -> Schema,
}

/// Declares the commands of a machine, each in one place.
///
/// ```
/// # use machine::{Actor, ActorKind, Timestamp};
/// #[derive(Default)]
/// pub struct Counter(u64);
///
/// machine::commands! {
///     /// Everything that changes a counter.
///     pub enum Command for Counter: fn(Timestamp, &mut Vec<u64>) -> Result<(), String>;
///
///     /// Adds to the counter.
///     0 Add by Person | System => add {
///         /// 1 to 10.
///         #[schemars(range(min = 1, max = 10))]
///         amount: u64,
///     }
/// }
///
/// impl Counter {
///     fn add(&mut self, add: &Add, _: Timestamp, out: &mut Vec<u64>) -> Result<(), String> {
///         self.0 += add.amount;
///         out.push(self.0);
///         Ok(())
///     }
/// }
///
/// let command = Command::from(Add { amount: 3 });
/// let (mut counter, mut out) = (Counter::default(), Vec::new());
/// counter.dispatch(&command, Timestamp(0), &mut out)?;
/// assert_eq!(out, [3]);
/// assert_eq!(borsh::to_vec(&command).unwrap(), [0, 3, 0, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(
///     serde_json::to_value(&command).unwrap(),
///     serde_json::json!({ "command": "Add", "amount": 3 })
/// );
/// assert!(command.spec().given_by.contains(&ActorKind::System));
/// command.for_each_person(&mut |_, _| unreachable!("it names nobody"));
/// command.for_each_field(&mut |field| assert_eq!(field.downcast_ref(), Some(&3_u64)));
/// # Ok::<(), String>(())
/// ```
#[macro_export]
macro_rules! commands {
    (
        $(#[$list_meta:meta])*
        $vis:vis enum $Command:ident for $Machine:ident:
            fn($Now:ty, $Out:ty) -> $Answer:ty;
        $(
            $(#[$meta:meta])*
            $number:literal $Name:ident by $($kind:ident)|+ => $handler:ident {
                $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)?
            }
        )+
    ) => {
        $(
            $(#[$meta])*
            #[derive(
                Clone,
                Debug,
                PartialEq,
                Eq,
                $crate::reexport::borsh::BorshSerialize,
                $crate::reexport::borsh::BorshDeserialize,
                $crate::reexport::serde::Serialize,
                $crate::reexport::serde::Deserialize,
                $crate::reexport::schemars::JsonSchema,
            )]
            #[borsh(crate = "machine::reexport::borsh")]
            #[serde(crate = "machine::reexport::serde", deny_unknown_fields)]
            #[schemars(crate = "machine::reexport::schemars")]
            pub struct $Name {
                $($(#[$field_meta])* pub $field: $type,)*
            }

            impl $Name {
                /// What is declared about this command.
                pub const SPEC: $crate::CommandSpec = $crate::CommandSpec {
                    number: $number,
                    name: stringify!($Name),
                    given_by: &[$($crate::ActorKind::$kind),+],
                    schema: || $crate::reexport::schemars::schema_for!($Name),
                };
            }

            impl From<$Name> for $Command {
                fn from(command: $Name) -> $Command {
                    $Command::$Name(command)
                }
            }
        )+

        $(#[$list_meta])*
        #[derive(
            Clone,
            Debug,
            PartialEq,
            Eq,
            $crate::reexport::serde::Serialize,
            $crate::reexport::serde::Deserialize,
        )]
        #[serde(crate = "machine::reexport::serde", tag = "command")]
        $vis enum $Command {
            $($Name($Name),)+
        }

        impl $Command {
            /// What is declared about each command, by number.
            pub const SPECS: &'static [$crate::CommandSpec] = &[$($Name::SPEC),+];

            /// What is declared about this command.
            #[must_use]
            pub fn spec(&self) -> &'static $crate::CommandSpec {
                match self {
                    $($Command::$Name(_) => &$Name::SPEC,)+
                }
            }

            /// Visits each field that is a person. Persons inside lists are not found.
            pub fn for_each_person(
                &self,
                visit: &mut impl FnMut($crate::PersonRole, $crate::PersonId),
            ) {
                match self {
                    $($Command::$Name(_command) => {
                        $($crate::visit_person(stringify!($field), &_command.$field, visit);)*
                    })+
                }
            }

            /// Visits each field, as its type.
            #[inline]
            pub fn for_each_field(&self, visit: &mut impl FnMut(&dyn ::std::any::Any)) {
                match self {
                    $($Command::$Name(_command) => {
                        $(visit(&_command.$field);)*
                    })+
                }
            }
        }

        impl $crate::reexport::borsh::BorshSerialize for $Command {
            fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
                match self {
                    $($Command::$Name(command) => {
                        writer.write_all(&[$number])?;
                        $crate::reexport::borsh::BorshSerialize::serialize(command, writer)
                    })+
                }
            }
        }

        impl $crate::reexport::borsh::BorshDeserialize for $Command {
            fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<$Command> {
                use $crate::reexport::borsh::BorshDeserialize as Bytes;
                match <u8 as Bytes>::deserialize_reader(reader)? {
                    $($number => {
                        <$Name as Bytes>::deserialize_reader(reader).map($Command::$Name)
                    })+
                    number => Err(std::io::Error::new(
                        std::io::ErrorKind::InvalidData,
                        format!("no command has number {number}"),
                    )),
                }
            }
        }

        impl $Machine {
            /// Calls the command's handler.
            #[inline]
            pub(crate) fn dispatch(&mut self, command: &$Command, now: $Now, out: $Out) -> $Answer {
                match command {
                    $($Command::$Name(command) => self.$handler(command, now, out),)+
                }
            }
        }
    };
}
