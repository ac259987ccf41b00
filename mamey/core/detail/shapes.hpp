#pragma once

/// @file
/// The tables of numbers, texts, codec types, lists, optionals and dictionaries: constants, one per type. Included by reflect.hpp.

#include <concepts>
#include <memory>

namespace mamey::inline v1::detail {

template <class T>
concept list_type = requires(T& list, const T& constant) {
                      typename T::value_type;
                      list.emplace_back();
                      list.clear();
                      constant.size();
                      constant[std::size_t{}];
                    };

template <class T>
concept optional_type = requires(T& optional, const T& constant) {
                          typename T::value_type;
                          optional.emplace();
                          optional.reset();
                          constant.has_value();
                        };

template <class T>
concept dictionary_type = requires(T& dictionary) {
                            typename T::mapped_type;
                            requires std::same_as<typename T::key_type, std::string>;
                            dictionary.try_emplace(std::string());
                            dictionary.clear();
                          };

/// char is neither a number nor a text to the people who write it.
template <class T>
concept character =
    std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> || std::same_as<T, char16_t> || std::same_as<T, char32_t>;

template <class T>
concept number = (std::integral<T> && !character<T>) || std::same_as<T, float> || std::same_as<T, double>;

template <class T>
constexpr type_model base_model(shape kind) {
  type_model model;
  model.kind = kind;
  model.key = &type_key_of<T>;
  model.size = sizeof(T);
  return model;
}

template <class T>
constexpr type_model make_number_model() {
  constexpr auto kind = std::same_as<T, bool>    ? shape::boolean
                        : std::floating_point<T> ? shape::real
                        : std::is_signed_v<T>    ? shape::integer
                                                 : shape::unsigned_integer;
  auto model = base_model<T>(kind);
  model.width = sizeof(T);
  model.is_signed = std::is_signed_v<T>;
  return model;
}
template <class T>
inline constexpr type_model number_model = make_number_model<T>();

inline constexpr type_model text_model = base_model<std::string>(shape::text);

template <class T>
struct scalar_access {
  static void to_text(std::string& out, const void* value) { text_codec<T>::to_text(out, *static_cast<const T*>(value)); }
  static bool from_text(void* value, std::string_view text) { return text_codec<T>::from_text(*static_cast<T*>(value), text); }
  static bool can_write(const void* value) { return text_codec<T>::can_write(*static_cast<const T*>(value)); }
  static void to_column(std::string& out, const void* value) { text_codec<T>::to_column(out, *static_cast<const T*>(value)); }
  static bool from_setting(void* value, std::string_view text) { return text_codec<T>::from_setting(*static_cast<T*>(value), text); }
  static bool is_nil(const void* value) { return text_codec<T>::is_nil(*static_cast<const T*>(value)); }
  static void generate(void* value) { *static_cast<T*>(value) = text_codec<T>::generate(); }
};

template <class T>
constexpr type_model make_scalar_model() {
  using codec = text_codec<T>;
  auto model = base_model<T>(shape::scalar);
  model.to_text = &scalar_access<T>::to_text;
  model.from_text = &scalar_access<T>::from_text;
  if constexpr (requires { codec::format; }) model.format = codec::format;
  if constexpr (requires { codec::expected; }) model.expected = codec::expected;
  if constexpr (requires { codec::written_as_number; }) model.written_as_number = codec::written_as_number;
  if constexpr (requires { codec::written_as_json; }) model.written_as_json = codec::written_as_json;
  if constexpr (requires(const T& value) { codec::can_write(value); }) model.can_write = &scalar_access<T>::can_write;
  if constexpr (requires(std::string& out, const T& value) { codec::to_column(out, value); })
    model.to_column = &scalar_access<T>::to_column;
  if constexpr (requires(T& value, std::string_view text) { codec::from_setting(value, text); })
    model.from_setting = &scalar_access<T>::from_setting;
  if constexpr (requires(const T& value) { codec::is_nil(value); }) model.is_nil = &scalar_access<T>::is_nil;
  if constexpr (requires { codec::generate(); }) model.generate = &scalar_access<T>::generate;
  return model;
}
template <class T>
inline constexpr type_model scalar_model = make_scalar_model<T>();

template <class T>
struct list_access {
  static std::size_t count(const void* list) { return static_cast<const T*>(list)->size(); }
  static const void* at(const void* list, std::size_t index) { return std::addressof((*static_cast<const T*>(list))[index]); }
  static void* append(void* list) { return std::addressof(static_cast<T*>(list)->emplace_back()); }
  static void clear(void* list) { static_cast<T*>(list)->clear(); }
};

template <class T>
constexpr type_model make_list_model() {
  auto model = base_model<T>(shape::list);
  model.element = &model_of<typename T::value_type>;
  model.count = &list_access<T>::count;
  model.at = &list_access<T>::at;
  model.append = &list_access<T>::append;
  model.clear = &list_access<T>::clear;
  return model;
}
template <class T>
inline constexpr type_model list_model = make_list_model<T>();

template <class T>
struct optional_access {
  static const void* get(const void* optional) {
    const auto& held = *static_cast<const T*>(optional);
    return held.has_value() ? std::addressof(*held) : nullptr;
  }
  static void* emplace(void* optional) { return std::addressof(static_cast<T*>(optional)->emplace()); }
  static void clear(void* optional) { static_cast<T*>(optional)->reset(); }
};

template <class T>
constexpr type_model make_optional_model() {
  auto model = base_model<T>(shape::optional);
  model.element = &model_of<typename T::value_type>;
  model.get = &optional_access<T>::get;
  model.emplace = &optional_access<T>::emplace;
  model.clear = &optional_access<T>::clear;
  return model;
}
template <class T>
inline constexpr type_model optional_model = make_optional_model<T>();

template <class T>
struct dictionary_access {
  static std::size_t count(const void* dictionary) { return static_cast<const T*>(dictionary)->size(); }
  static void clear(void* dictionary) { static_cast<T*>(dictionary)->clear(); }
  static void* insert(void* dictionary, std::string_view key) {
    return std::addressof(static_cast<T*>(dictionary)->try_emplace(std::string(key)).first->second);
  }
  static void each(const void* dictionary, void* context, void (*visit)(void*, std::string_view, const void*)) {
    for (const auto& [key, value] : *static_cast<const T*>(dictionary)) visit(context, key, std::addressof(value));
  }
};

template <class T>
constexpr type_model make_dictionary_model() {
  auto model = base_model<T>(shape::dictionary);
  model.element = &model_of<typename T::mapped_type>;
  model.count = &dictionary_access<T>::count;
  model.clear = &dictionary_access<T>::clear;
  model.insert = &dictionary_access<T>::insert;
  model.each = &dictionary_access<T>::each;
  return model;
}
template <class T>
inline constexpr type_model dictionary_model = make_dictionary_model<T>();

}  // namespace mamey::inline v1::detail
