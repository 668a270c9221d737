#include "http/multipart.h"

#include <gtest/gtest.h>

#include <vector>

#include "http/test_mutation.h"

namespace headrace::http {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=B";

auto parse(std::string_view body, std::string_view type = kType) {
  return parse_multipart(type, std::as_bytes(std::span(body)));
}

std::string content(std::string_view body, const Part& part) {
  return std::string(body.substr(part.offset, part.size));
}

const std::string kForm =
    "a preamble\r\n--B\r\n"
    "Content-Disposition: form-data; name=\"note\"\r\n\r\n"
    "text\r\n--B \t\r\n"
    "content-type: image/jpeg\r\n"
    "CONTENT-DISPOSITION: form-data; filename=\"a \\\"b\\\" \\c.jpg\"; name=file\r\n\r\n"
    "\r\n--\r\n--Q\r\n\r\n--B\r\n"
    "Content-Disposition: form-data; name=\"\"\r\n\r\n"
    "\r\n--B--\r\nan epilogue";

TEST(Multipart, PartsAreRangesOfTheBody) {
  const auto parts = parse(kForm);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].name, "note");
  EXPECT_FALSE((*parts)[0].filename);
  EXPECT_EQ((*parts)[0].content_type, "text/plain");
  EXPECT_EQ(content(kForm, (*parts)[0]), "text");
  EXPECT_EQ((*parts)[1].name, "file");
  EXPECT_EQ((*parts)[1].filename, "a \"b\" \\c.jpg");
  EXPECT_EQ((*parts)[1].content_type, "image/jpeg");
  EXPECT_EQ(content(kForm, (*parts)[1]), "\r\n--\r\n--Q\r\n");
  EXPECT_EQ((*parts)[2].name, "");
  EXPECT_EQ((*parts)[2].size, 0u);
}

TEST(Multipart, APartMayBeEmptyToItsLineEnd) {
  const std::string form = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B--";
  const auto parts = parse(form);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->at(0).size, 0u);
}

TEST(Multipart, TheBoundaryMayBeQuoted) {
  const std::string form =
      "--a b:c\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--a b:c--";
  EXPECT_TRUE(parse(form, "Multipart/Form-Data; charset=x; Boundary=\"a b:c\""));
  EXPECT_EQ(parse(form, "text/plain").error().status, 415u);
  for (const char* type :
       {"multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a\x01"})
    EXPECT_EQ(parse(form, type).error().status, 400u) << type;
  EXPECT_FALSE(parse(form, "multipart/form-data; boundary=" + std::string(71, 'a')));
}

TEST(Multipart, MalformedFormsAreRefused) {
  const std::string good = "Content-Disposition: form-data; name=a\r\n\r\n";
  for (const std::string& body : std::initializer_list<std::string>{
           std::string(), std::string("B"), std::string("--C\r\n"), "--B" + good,
           "--B\r\n" + good + "x", "--B\r\n" + good + "x\r\n--B", "--Bx\r\n" + good + "\r\n--B--",
           std::string("--B\r\n\r\nx\r\n--B--"),
           std::string("--B\r\nContent-Type: a/b\r\n\r\nx\r\n--B--"),
           std::string("--B\r\nno colon\r\n\r\nx\r\n--B--"),
           std::string("--B\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--B--"),
           std::string("--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--"),
           std::string("--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--B--"),
           std::string("--B\r\nContent-Disposition: form-data; name=\"a\" b\r\n\r\nx\r\n--B--"),
           "--B\r\nX: " + std::string(kMostPartHead, 'x') + "\r\n" + good + "\r\n--B--"}) {
    const auto refused = parse(body);
    ASSERT_FALSE(refused) << body.substr(0, 80);
    EXPECT_EQ(refused.error().status, 400u) << body.substr(0, 80);
  }
  EXPECT_EQ(
      parse("--B\r\nContent-Transfer-Encoding: base64\r\n" + good + "\r\n--B--").error().status,
      415u);
}

TEST(Multipart, PartsAreCounted) {
  std::string form;
  for (std::size_t i = 0; i < kMostParts; ++i)
    form += "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
  EXPECT_EQ(parse(form + "--B--")->size(), kMostParts);
  EXPECT_FALSE(parse(form + "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--B--"));
}

TEST(Multipart, WhateverTheBodyPartsStayInside) {
  Mutations mutations(7, "\r\n-B:;=\"\\ ");
  std::size_t accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string form = mutations.of(kForm);
    // In memory of exactly its size, so that a sanitizer sees a read beyond.
    const std::vector<char> exact(form.begin(), form.end());
    const std::string_view body(exact.data(), exact.size());
    const auto parts = parse(body);
    if (!parts) continue;
    ++accepted;
    for (const Part& part : *parts) {
      ASSERT_LE(part.offset, body.size());
      ASSERT_LE(part.size, body.size() - part.offset);
    }
  }
  EXPECT_GT(accepted, 100u);
}

}  // namespace
}  // namespace headrace::http
