#include "deploy/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace::deploy {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

const Placeholder kKey{.name = "STORAGE_KEY", .what = "it's the key of 'pictures'"};

TEST(Yaml, WritesATreeInBlockStyle) {
  const Node tree =
      mapping("", {text("name", "classify"),
                   mapping("resources", {number("cpu", 4), number("memory", 1.5)}),
                   list("ports", {mapping("", {text("protocol", "TCP"), number("port", 80)}),
                                  mapping("", {number("port", 81)})}),
                   words("command", {"serve", "/models"}), mapping("emptyDir", {}),
                   list("none", {}), flag("readOnly", true)});
  EXPECT_EQ(yaml(tree, {"what it is"}, false), R"(# what it is
name: classify
resources:
  cpu: 4
  memory: 1.5
ports:
  - protocol: TCP
    port: 80
  - port: 81
command:
  - serve
  - /models
emptyDir: {}
none: []
readOnly: true
)");
}

TEST(Yaml, ExplainsAboveEachLine) {
  const Node tree = mapping(
      "",
      {text("name", "a", "the name"),
       list("ports", {mapping("", {number("port", 80, "the number")}, "the port")}, "the ports")});
  EXPECT_EQ(yaml(tree, {}, true), R"(# the name
name: a
# the ports
ports:
  # the port
  # the number
  - port: 80
)");
  EXPECT_THAT(yaml(tree, {}, false), Not(HasSubstr("#")));
}

TEST(Yaml, QuotesWhatAReaderCouldTakeForSomethingElse) {
  for (const char* plain :
       {"serve", "/models/lite0", "registry.example/headrace:0.1.0", "a_b-c.d", "TCP", "--x"}) {
    const bool begins_with_dash = plain[0] == '-';
    EXPECT_EQ(yaml_text(plain), begins_with_dash ? "\"--x\"" : plain);
  }
  for (const char* other :
       {"",    "yes",  "No",  "TRUE", "off", "null", "~",          "y",        "N",    "1",
        "4.0", "0x1f", "1e3", ".5",   "-1",  "+1",   "2026-11-23", "12:30:45", "a: b", "a #b",
        "a:",  "#a",   "*a",  "&a",   "!a",  "[a",   "{a",         "a,b",      "%a",   "`a",
        "|",   ">",    "'a",  "a b",  " a",  "a=b",  "<<",         "=",        "?",    "@a"}) {
    EXPECT_EQ(yaml_text(other).front(), '"') << other;
  }
  EXPECT_EQ(yaml_text("a\"b\\c\n\t\x01"), R"("a\"b\\c\n\t\u0001")");
}

TEST(Yaml, KeepsTextOfAllLanguagesAndEscapesWhatEndsALine) {
  EXPECT_EQ(yaml_text("fünf 日 \xF0\x9F\x90\x88"), "\"fünf 日 \xF0\x9F\x90\x88\"");
  EXPECT_EQ(yaml_text("a\xC2\x85"
                      "b\xE2\x80\xA8\x7F"),
            R"("a\u0085b\u2028\u007f")");
  EXPECT_EQ(yaml_text("\xFF"), "\"\xEF\xBF\xBD\"");
}

TEST(Yaml, TellsAPlaceholderFromATextThatLooksLikeOne) {
  const Node tree = mapping("", {placeholder("key", kKey), text("text", "${STORAGE_KEY}")});
  EXPECT_EQ(yaml(tree, {}, false), "key: \"${STORAGE_KEY}\"\ntext: \"\\u0024{STORAGE_KEY}\"\n");
}

TEST(Yaml, PutsSeveralDocumentsIntoOneFile) {
  const Node tree = mapping("", {text("name", "a")});
  EXPECT_EQ(yaml(std::vector<Node>{tree, tree}, {}, false), "name: a\n---\nname: a\n");
}

TEST(Headings, NeverLetATextBecomeALineOfItsOwn) {
  const std::string heading = heading_text({"first\nrm -rf x\r\xE2\x80\xA8y\xC2\x85z", ""}, "#");
  EXPECT_EQ(heading, "# first rm -rf x  y z\n#\n");
}

TEST(Headings, WrapLongLines) {
  const std::string heading =
      heading_text({std::string(60, 'a') + " " + std::string(60, 'b')}, "//");
  EXPECT_EQ(heading, "// " + std::string(60, 'a') + "\n// " + std::string(60, 'b') + "\n");
}

TEST(Headings, SetInWhatGoesOnWithALineThatIsSetIn) {
  const std::string heading =
      heading_text({"  " + std::string(60, 'a') + " " + std::string(60, 'b')}, "#");
  EXPECT_EQ(heading, "#   " + std::string(60, 'a') + "\n#       " + std::string(60, 'b') + "\n");
}

TEST(Bicep, WritesTheSameTree) {
  const Node tree =
      mapping("", {text("type", "Microsoft.X/groups"), text("apiVersion", "2021-10-01"),
                   text("name", "a", "why"),
                   mapping("resources", {number("cpu", 4), number("memory", 1.5)}),
                   list("containers", {mapping("", {text("it's", "${x}\n"), flag("ok", false)})}),
                   words("command", {"serve"}), mapping("emptyDir", {}), placeholder("key", kKey)});
  EXPECT_EQ(bicep(tree, "group", {"what it is"}, {"output id string = group.id"}, true),
            R"(// what it is

@description('it\'s the key of \'pictures\'')
@secure()
param storageKey string

resource group 'Microsoft.X/groups@2021-10-01' = {
  // why
  name: 'a'
  resources: {
    cpu: 4
    memory: json('1.5')
  }
  containers: [
    {
      'it\'s': '\${x}\n'
      ok: false
    }
  ]
  command: [
    'serve'
  ]
  emptyDir: {}
  key: storageKey
}

output id string = group.id
)");
}

TEST(Bicep, GivesAParameterItsDefault) {
  const Node tree =
      mapping("", {placeholder("location", {.name = "LOCATION",
                                            .what = "where",
                                            .secret = false,
                                            .otherwise = "resourceGroup().location"})});
  EXPECT_THAT(
      bicep(tree, "x", {}, {}, false),
      HasSubstr("@description('where')\nparam location string = resourceGroup().location\n"));
}

TEST(Trees, NameEachPlaceholderOnce) {
  const Node tree = mapping(
      "", {placeholder("a", kKey),
           list("b", {placeholder("", {.name = "OTHER", .what = ""}), placeholder("", kKey)})});
  EXPECT_THAT(placeholders(tree), ElementsAre(Field(&Placeholder::name, "STORAGE_KEY"),
                                              Field(&Placeholder::name, "OTHER")));
}

TEST(Trees, WriteNumbersShort) {
  EXPECT_EQ(number("", 4).value, "4");
  EXPECT_EQ(number("", 0.25).value, "0.25");
  EXPECT_EQ(number("", 1.10).value, "1.1");
  EXPECT_EQ(number("", 100).value, "100");
}

TEST(Shells, TakeATextForOneWord) {
  EXPECT_EQ(shell_text("/in/a.jpg"), "/in/a.jpg");
  EXPECT_EQ(shell_text("it's $x"), "'it'\\''s $x'");
  EXPECT_EQ(shell_text(""), "''");
}

}  // namespace
}  // namespace headrace::deploy
