using Taishang.ContractDiff;
using Taishang.ContractDiff.OpenApi;

namespace Taishang.Tidy.Tests.ContractDiff;

/// <summary>Each rule on the smallest pair of files that breaks it, and on changes that break nobody.</summary>
public sealed class OpenApiDiffTests
{
    private const string Base = """
        paths:
          /things:
            get:
              parameters:
                - { name: page, in: query, schema: { type: integer, minimum: 1, maximum: 100, default: 1 } }
              responses:
                '200': { $ref: '#/components/responses/Things' }
                '404': { description: none }
            post:
              requestBody:
                required: false
                content:
                  application/json:
                    schema: { $ref: '#/components/schemas/NewThing' }
              responses:
                '201': { description: made }
          /things/{id}:
            parameters:
              - { name: id, in: path, required: true, schema: { type: string } }
            delete:
              responses:
                '200': { description: gone }
        components:
          responses:
            Things:
              headers: { X-Total: { required: true, schema: { type: integer } } }
              content:
                application/json:
                  schema:
                    allOf:
                      - { type: object, required: [code], properties: { code: { type: integer } } }
                      - properties:
                          kind: { type: string, enum: [red, blue] }
                          made: { type: string, format: date-time }
                          size: { type: integer }
          schemas:
            NewThing:
              type: object
              additionalProperties: true
              required: [name]
              properties:
                name: { type: string, maxLength: 10, pattern: '^a' }
                note: { type: [string, 'null'] }
                colour: { type: string, enum: [red, blue] }
                parts: { type: array, items: { type: number } }
                either:
                  oneOf:
                    - { type: string }
                    - { type: integer }
        """;

    [Fact]
    public void A_file_compared_with_itself_breaks_nothing() => Assert.Empty(Rules(Base));

    [Theory]
    [InlineData("removed-path", "  /things/{id}:", "  /thing/{id}:")]
    [InlineData("removed-operation", "    post:", "    patch:")]
    [InlineData("removed-parameter", "name: page, in: query", "name: seite, in: query")]
    [InlineData("required-parameter", "name: page, in: query,", "name: page, in: query, required: true,")]
    [InlineData("required-body", "required: false", "required: true")]
    [InlineData(
        "removed-media-type", "    application/json:\n            schema: {",
        "    text/plain:\n            schema: {")]
    [InlineData("removed-answer", "'404'", "'410'")]
    [InlineData("removed-header", "X-Total", "X-Count")]
    [InlineData("optional-header", "X-Total: { required: true,", "X-Total: { required: false,")]
    [InlineData("narrowed-type", "note: { type: [string, 'null'] }", "note: { type: string }")]
    [InlineData("narrowed-type", "items: { type: number }", "items: { type: integer }")]
    [InlineData("changed-type", "size: { type: integer }", "size: { type: number }")]
    [InlineData("narrowed-enum", "note: { type: [string, 'null'] }", "note: { enum: [x, null] }")]
    [InlineData("narrowed-enum", "note: { type: [string, 'null'] }", "note: { const: x }")]
    [InlineData(
        "removed-enum-value", "colour: { type: string, enum: [red, blue] }",
        "colour: { type: string, enum: [red] }")]
    [InlineData(
        "removed-enum-value", "kind: { type: string, enum: [red, blue] }",
        "kind: { type: string, enum: [blue] }")]
    [InlineData("widened-enum", "kind: { type: string, enum: [red, blue] }", "kind: { type: string }")]
    [InlineData("removed-property", "note: { type", "remark: { type")]
    [InlineData("removed-property", "size: { type", "width: { type")]
    [InlineData("optional-property", "required: [code],", "")]
    [InlineData("required-property", "required: [name]", "required: [name, note]")]
    [InlineData("closed-object", "additionalProperties: true", "additionalProperties: false")]
    [InlineData("narrowed-range", "maxLength: 10", "maxLength: 9")]
    [InlineData("narrowed-range", "minimum: 1,", "minimum: 2,")]
    [InlineData("narrowed-range", "note: { type: [string, 'null'] }", "note: { type: [string, 'null'], minLength: 1 }")]
    [InlineData("narrowed-pattern", "'^a'", "'^ab'")]
    [InlineData(
        "narrowed-format", "note: { type: [string, 'null'] }",
        "note: { type: [string, 'null'], format: uuid }")]
    [InlineData("changed-default", "default: 1", "default: 2")]
    [InlineData("changed-format", "format: date-time", "format: date")]
    [InlineData("removed-alternative", "\n            - { type: integer }", "")]
    [InlineData("narrowed-alternatives", "note: { type: [string, 'null'] }", "note: { oneOf: [{ type: string }] }")]
    [InlineData(
        "widened-alternatives", "size: { type: integer }",
        "size: { oneOf: [{ type: integer }, { type: string }] }")]
    public void A_breaking_change_is_named(string rule, string was, string becomes) =>
        Assert.Contains(rule, Rules(Changed(was, becomes)));

    [Theory]
    [InlineData("/things/{id}:", "/things/{thing}:")]
    [InlineData("maxLength: 10", "maxLength: 11")]
    [InlineData("enum: [red, blue] }\n        parts", "enum: [red, blue, green] }\n        parts")]
    [InlineData("note: { type", "extra: { type: string }\n        note: { type")]
    [InlineData("size: { type", "extra: { type: string }\n                  size: { type")]
    [InlineData("items: { type: number }", "items: { type: [number, string] }")]
    [InlineData("size: { type: integer }", "size: { type: integer, minimum: 0 }")]
    [InlineData("'404': { description: none }", "'404': { description: none }\n        '409': { description: late }")]
    [InlineData("  /things/{id}:", "  /others:\n    get: { responses: {} }\n  /things/{id}:")]
    [InlineData("pattern: '^a'", "description: free")]
    [InlineData("items: { type: number }", "items: { oneOf: [{ type: number }, { type: string }] }")]
    public void A_change_that_breaks_nobody_is_not_named(string was, string becomes) =>
        Assert.Empty(Rules(Changed(was, becomes)));

    [Fact]
    public void A_new_required_body_and_a_removed_body_are_named()
    {
        const string Bare = "paths: { /a: { post: { responses: {} } } }";
        const string Bodied = "paths: { /a: { post: { requestBody: { required: true }, responses: {} } } }";
        Assert.Equal(["required-body"], Rules(Bare, Bodied));
        Assert.Equal(["removed-body"], Rules(Bodied, Bare));
    }

    [Fact]
    public void A_schema_that_refers_to_itself_is_compared_to_the_end()
    {
        const string Tree = """
            paths:
              /a: { post: { requestBody: { content: { x: { schema: { $ref: '#/components/schemas/Node' } } } } } }
            components:
              schemas:
                Node:
                  type: object
                  properties: { next: { $ref: '#/components/schemas/Node' }, size: { type: number } }
            """;
        Assert.Empty(Rules(Tree, Tree));
        Assert.Equal(["narrowed-type"], Rules(Tree, Tree.Replace("type: number", "type: integer")));
    }

    [Fact]
    public void The_whole_contract_is_readable_and_breaks_nothing_against_itself()
    {
        var file = YamlFile.Read(Repository.File("openapi/taishang.yaml"));
        Assert.Empty(OpenApiDiff.Compare(file, file));
    }

    private static string Changed(string was, string becomes)
    {
        var text = Base.ReplaceLineEndings("\n");
        Assert.Contains(was, text);
        return text.Replace(was, becomes);
    }

    private static string[] Rules(string now) => Rules(Base, now);

    private static string[] Rules(string before, string now) =>
        [.. OpenApiDiff.Compare(YamlFile.Parse(before), YamlFile.Parse(now)).Select(change => change.Rule)];
}
