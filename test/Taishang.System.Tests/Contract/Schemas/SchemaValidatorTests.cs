using System.Text.Json.Nodes;

namespace Taishang.System.Tests.Contract.Schemas;

public sealed class SchemaValidatorTests
{
    private const string File = """
        {
          "schemas": {
            "name": { "type": "string", "minLength": 2 },
            "tree": { "type": "object",
                "properties": { "next": { "$ref": "#/schemas/tree" }, "name": { "$ref": "#/schemas/name" } } }
          }
        }
        """;

    [Theory]
    [InlineData("""{ "type": "string" }""", "\"a\"", "1")]
    [InlineData("""{ "type": ["string", "null"] }""", "null", "1")]
    [InlineData("""{ "type": "integer" }""", "1", "1.5")]
    [InlineData("""{ "type": "integer" }""", "1.0", "\"1\"")]
    [InlineData("""{ "type": "number" }""", "1.5", "true")]
    [InlineData("""{ "type": "boolean" }""", "false", "0")]
    [InlineData("""{ "type": "array" }""", "[]", "{}")]
    [InlineData("""{ "type": "object" }""", "{}", "[]")]
    [InlineData("""{ "enum": ["a", 1] }""", "1.0", "2")]
    [InlineData("""{ "const": 0 }""", "0", "1")]
    [InlineData("""{ "minimum": 1 }""", "1", "0.9")]
    [InlineData("""{ "maximum": 9223372036854775807 }""", "9223372036854775807", "9223372036854775808")]
    [InlineData("""{ "maximum": 3.4028234663852886e38 }""", "3.4e38", "1e40")]
    [InlineData("""{ "minLength": 2 }""", "\"字字\"", "\"😀\"")]
    [InlineData("""{ "maxLength": 1 }""", "\"😀\"", "\"ab\"")]
    [InlineData("""{ "pattern": "^a+$" }""", "\"aa\"", "\"ab\"")]
    [InlineData("""{ "format": "date-time" }""", "\"2026-01-31T08:00:00.000001Z\"", "\"2026-01-31\"")]
    [InlineData("""{ "format": "date-time" }""", "\"2026-01-31T08:00:00+08:00\"", "\"2026-13-31T08:00:00Z\"")]
    [InlineData("""{ "format": "uuid" }""", "\"019aac8e-2f10-7c2a-9d5e-3a1b6f0c9e21\"", "\"019aac8e\"")]
    [InlineData("""{ "required": ["a"] }""", """{ "a": null }""", "{}")]
    [InlineData("""{ "properties": { "a": { "type": "string" } } }""", """{ "b": 1 }""", """{ "a": 1 }""")]
    [InlineData("""{ "properties": { "a": {} }, "additionalProperties": false }""", """{ "a": 1 }""", """{ "b": 1 }""")]
    [InlineData("""{ "additionalProperties": { "type": "string" } }""", """{ "b": "x" }""", """{ "b": 1 }""")]
    [InlineData("""{ "minProperties": 1 }""", """{ "b": 1 }""", "{}")]
    [InlineData("""{ "maxProperties": 1 }""", "{}", """{ "a": 1, "b": 1 }""")]
    [InlineData("""{ "items": { "type": "number" } }""", "[1, 2]", "[1, null]")]
    [InlineData("""{ "minItems": 1 }""", "[1]", "[]")]
    [InlineData("""{ "maxItems": 1 }""", "[1]", "[1, 2]")]
    [InlineData("""{ "uniqueItems": true }""", "[1, 2]", "[1, 1]")]
    [InlineData("""{ "allOf": [{ "type": "number" }, { "minimum": 1 }] }""", "1", "0")]
    [InlineData("""{ "anyOf": [{ "type": "number" }, { "type": "integer" }] }""", "1", "\"a\"")]
    [InlineData("""{ "oneOf": [{ "type": "number" }, { "type": "integer" }] }""", "1.5", "1")]
    [InlineData(
        """{ "oneOf": [{ "required": ["a"] }, { "required": ["b"] }] }""", """{ "a": 1 }""", """{ "a": 1, "b": 1 }""")]
    [InlineData("""{ "$ref": "#/schemas/name" }""", "\"ab\"", "\"a\"")]
    [InlineData(
        """{ "$ref": "#/schemas/tree" }""", """{ "next": { "next": {} } }""", """{ "next": { "name": "a" } }""")]
    public void A_schema_takes_what_fits_and_refuses_what_does_not(string schema, string fits, string breaks)
    {
        var validator = new SchemaValidator(JsonNode.Parse(File)!.AsObject());
        Assert.Empty(validator.Validate(JsonNode.Parse(fits), JsonNode.Parse(schema)));
        Assert.NotEmpty(validator.Validate(JsonNode.Parse(breaks), JsonNode.Parse(schema)));
    }

    [Theory]
    [InlineData("""{ "typ": "string" }""")]
    [InlineData("""{ "type": "text" }""")]
    [InlineData("""{ "format": "colour" }""")]
    [InlineData("""{ "$ref": "#/schemas/none" }""")]
    [InlineData("""{ "$ref": "other.yaml#/a" }""")]
    public void A_schema_that_the_validator_does_not_know_is_refused(string schema) =>
        Assert.Throws<FormatException>(() =>
            new SchemaValidator(JsonNode.Parse(File)!.AsObject()).Validate("a", JsonNode.Parse(schema)));

    [Fact]
    public void The_strict_form_refuses_what_no_part_of_the_schema_declares()
    {
        const string Schema = """
            {
              "allOf": [
                { "properties": { "data": { "type": "object" } } },
                { "properties": { "data": { "properties": { "a": {}, "free": { "type": "object" } } } } }
              ]
            }
            """;
        string Errors(string value) => string.Join('\n', new SchemaValidator([], strict: true)
            .Validate(JsonNode.Parse(value), JsonNode.Parse(Schema)));

        Assert.Empty(Errors("""{ "data": { "a": 1, "free": { "anything": 1 } } }"""));
        Assert.Equal("$.data.b: the contract does not declare it", Errors("""{ "data": { "b": 1 } }"""));
        Assert.Equal("$.c: the contract does not declare it", Errors("""{ "c": 1 }"""));
    }
}
