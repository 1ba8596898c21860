//! Enumerations of refusals, with an example of each kind.

/// Declares an enumeration once, with an example of each of its kinds. A text for each of them is
/// tested with these examples.
#[macro_export]
macro_rules! with_examples {
    (
        $(#[$meta:meta])*
        pub enum $Name:ident {
            $($(#[$each:meta])* $Kind:ident $(($($type:ty = $example:expr),+))?,)+
        }
    ) => {
        $(#[$meta])*
        pub enum $Name {
            $($(#[$each])* $Kind $(($($type),+))?,)+
        }

        impl $Name {
            /// One of each kind.
            #[must_use]
            pub fn examples() -> Vec<$Name> {
                vec![$($Name::$Kind $(($($example),+))?),+]
            }
        }
    };
}
