using Taishang.ContractDiff.Protos;

namespace Taishang.Tidy.Tests.ContractDiff;

public sealed class ProtoDiffTests
{
    private const string Base = """
        syntax = "proto3";
        /* a block
           comment */
        package taishang.test.v1;
        import "other.proto";
        option csharp_namespace = "Test";
        service Things { // with a remark
          rpc Find(FindRequest) returns (.taishang.test.v1.Thing);
          rpc Watch(FindRequest) returns (stream Thing) { option deprecated = true; }
        }
        message FindRequest { string name = 1; map<string, int64> labels = 2; }
        message Thing {
          reserved 8, 20 to 30;
          reserved "old_name";
          string name = 1;
          repeated float values = 2 [packed = true];
          optional float limit = 3;
          oneof kind {
            string text = 4;
            sint64 number = 5;
          }
          enum Colour { COLOUR_UNSPECIFIED = 0; RED = 1; BLUE = 2; reserved 9; }
          Colour colour = 6;
        }
        """;

    [Fact]
    public void A_folder_compared_with_itself_breaks_nothing() => Assert.Empty(Rules(Base));

    [Theory]
    [InlineData("removed-message", "message FindRequest {", "message SeekRequest {")]
    [InlineData("removed-enum", "enum Colour {", "enum Color {")]
    [InlineData("removed-rpc", "rpc Find(", "rpc Seek(")]
    [InlineData("changed-rpc", "returns (stream Thing)", "returns (Thing)")]
    [InlineData("changed-rpc", "rpc Find(FindRequest)", "rpc Find(Thing)")]
    [InlineData("renamed-field", "string name = 1;\n  repeated", "string title = 1;\n  repeated")]
    [InlineData("changed-field-type", "repeated float values", "repeated double values")]
    [InlineData("changed-field-type", "map<string, int64>", "map<string, int32>")]
    [InlineData("changed-field-label", "repeated float values", "float values")]
    [InlineData("changed-field-label", "optional float limit", "float limit")]
    [InlineData("changed-field-label", "oneof kind", "oneof form")]
    [InlineData("unreserved-number", "  Colour colour = 6;\n", "")]
    [InlineData("renumbered-field", "limit = 3", "limit = 7")]
    [InlineData("unreserved-number", "BLUE = 2;", "")]
    [InlineData("renamed-enum-value", "BLUE = 2", "GREEN = 2")]
    [InlineData("freed-number", "reserved 8, 20 to 30;", "reserved 8, 20 to 29;")]
    [InlineData("freed-number", "reserved 9;", "")]
    [InlineData("freed-name", "reserved \"old_name\";", "")]
    public void A_change_of_meaning_is_named(string rule, string was, string becomes)
    {
        Assert.Contains(was, Base);
        Assert.Contains(rule, Rules(Base.Replace(was, becomes)));
    }

    [Theory]
    [InlineData("  Colour colour = 6;\n", "  reserved 6;\n")]
    [InlineData("BLUE = 2;", "reserved 2;")]
    [InlineData("Colour colour = 6;", "Colour colour = 6; bytes more = 7;")]
    [InlineData("BLUE = 2;", "BLUE = 2; GREEN = 3;")]
    [InlineData("20 to 30", "20 to 25, 26 to max")]
    [InlineData("(.taishang.test.v1.Thing)", "(Thing)")]
    [InlineData("service Things {", "service Things { rpc More(Thing) returns (Thing);")]
    public void A_change_that_every_peer_survives_is_not_named(string was, string becomes)
    {
        Assert.Contains(was, Base);
        Assert.Empty(Rules(Base.Replace(was, becomes)));
    }

    [Theory]
    [InlineData("message A {", "ends too early")]
    [InlineData("message A { string name = x; }", "expected a number, came 'x'")]
    [InlineData("class A {}", "expected a definition, came 'class'")]
    public void What_is_not_proto_is_refused_with_its_place(string text, string message)
    {
        var e = Assert.Throws<FormatException>(() => ProtoFolder.Parse("a.proto", text, new ProtoDefinitions()));
        Assert.Contains("a.proto", e.Message);
        Assert.Contains(message, e.Message);
    }

    [Fact]
    public void The_whole_contract_is_readable()
    {
        var found = ProtoFolder.Read(Repository.File("proto"));
        Assert.Contains("taishang.ai.v1.AiService/SearchVectors", found.Methods.Keys);
        Assert.Contains("taishang.ai.v1.Row", found.Messages.Keys);
        Assert.Empty(ProtoDiff.Compare(found, found));
    }

    private static string[] Rules(string now) =>
        [.. ProtoDiff.Compare(Parsed(Base), Parsed(now)).Select(change => change.Rule)];

    private static ProtoDefinitions Parsed(string text)
    {
        var definitions = new ProtoDefinitions();
        ProtoFolder.Parse("test.proto", text, definitions);
        return definitions;
    }
}
