using System.Globalization;
using System.Text;
using Taishang.Core.Api;
using Taishang.Core.Vectors;

namespace Taishang.Core.Tests.Vectors;

public sealed class BodyTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void An_upsert_is_read_with_every_form_of_row()
    {
        var body = Upsert("""
            {"vectors": [
                {"id": "a", "vector": [1, -2.5e-1, 3.25], "metadata": {"k": [1, {"n": "é"}]}, "ttl_seconds": 60},
                {"vector_b64": "AACAPwAAAMAAAAAA", "id": 7},
                {"id": "c", "text": "some text", "metadata": null}
            ], "collection": "points"}
            """);

        Assert.Equal("points", body.Collection);
        Assert.Equal([1f, -0.25f, 3.25f], body.Request.Rows[0].Vector);
        Assert.Equal("""{"k": [1, {"n": "é"}]}""", body.Request.Rows[0].MetadataJson.ToStringUtf8());
        Assert.Equal(Now.AddSeconds(60).ToUnixTimeMilliseconds(), body.Request.Rows[0].ExpiresAtMs);
        Assert.Equal([1f, -2f, 0f], body.Request.Rows[1].Vector);
        Assert.Equal(7, body.Request.Rows[1].Id.Integer);
        Assert.Equal([new TextRow(2, "some text")], body.Texts);
    }

    [Theory]
    [InlineData("""{"id":"a","vector":[1,"x"]}""", "vectors[0].vector[1]", 10004)]
    [InlineData("""{"id":"a","vector":[1,1e40]}""", "vectors[0].vector[1]", 40002)]
    [InlineData("""{"id":"a","vector":[1,"NaN"]}""", "vectors[0].vector[1]", 40002)]
    [InlineData("""{"id":"a","vector":[[1]]}""", "vectors[0].vector[0]", 10004)]
    [InlineData("""{"id":"a","vector":{"0":1}}""", "vectors[0].vector", 10004)]
    [InlineData("""{"id":"a","vector":null}""", "vectors[0].vector", 10004)]
    [InlineData("""{"id":"a","vector_b64":"AACAP"}""", "vectors[0].vector_b64", 10001)]
    [InlineData("""{"id":"a","vector_b64":"AACA"}""", "vectors[0].vector_b64", 10001)]
    [InlineData("""{"id":"a","vector_b64":"AADAfw=="}""", "vectors[0].vector_b64[0]", 40002)]
    [InlineData("""{"id":"a","vector_b64":"!!!!"}""", "vectors[0].vector_b64", 10001)]
    [InlineData("""{"id":"a","vector_b64":5}""", "vectors[0].vector_b64", 10004)]
    [InlineData("""{"id":"a","vector":[1],"text":"b"}""", "vectors[0]", 10001)]
    [InlineData("""{"id":"a"}""", "vectors[0].vector", 10005)]
    [InlineData("""{"vector":[1]}""", "vectors[0].id", 10005)]
    [InlineData("""{"id":"","vector":[1]}""", "vectors[0].id", 40005)]
    [InlineData("""{"id":1.5,"vector":[1]}""", "vectors[0].id", 40005)]
    [InlineData("""{"id":99999999999999999999,"vector":[1]}""", "vectors[0].id", 40005)]
    [InlineData("""{"id":true,"vector":[1]}""", "vectors[0].id", 10004)]
    [InlineData("""{"id":"a","id":"b","vector":[1]}""", "vectors[0].id", 10002)]
    [InlineData("""{"id":"a","vector":[1],"metadata":[]}""", "vectors[0].metadata", 10004)]
    [InlineData("""{"id":"a","vector":[1],"metadata":{"x":1,"x":2}}""", "vectors[0].metadata", 40006)]
    [InlineData("""{"id":"a","vector":[1],"metadata":{"o":{"x":1,"\u0078":2}}}""", "vectors[0].metadata", 40006)]
    [InlineData("""{"id":"a","vector":[1],"metadata":{"x":1e999}}""", "vectors[0].metadata", 40006)]
    [InlineData("""{"id":"a","vector":[1],"ttl_seconds":0}""", "vectors[0].ttl_seconds", 10001)]
    [InlineData("""{"id":"a","vector":[1],"ttl_seconds":1.5}""", "vectors[0].ttl_seconds", 10001)]
    [InlineData("""{"id":"a","vector":[1],"extra":{"deep":[1]}}""", "vectors[0].extra", 10003)]
    [InlineData("""5""", "vectors[0]", 10004)]
    public void A_bad_row_is_named_by_field_and_row(string row, string field, int code)
    {
        var error = Assert.Throws<ApiException>(() => Upsert($$"""{"collection":"c","vectors":[{{row}}]}"""));

        Assert.Equal(code, error.Code.Number);
        Assert.Equal(field, error.Errors[0].Field);
        Assert.Single(error.Errors);
    }

    [Fact]
    public void Errors_of_many_rows_come_together_and_are_bounded()
    {
        var rows = string.Join(",", Enumerable.Repeat("""{"id":"","vector":[1e40]}""", 50));

        var error = Assert.Throws<ApiException>(() => Upsert($$"""{"collection":"c","vectors":[{{rows}}]}"""));

        Assert.Equal(FieldErrors.ErrorsMax, error.Errors.Count);
        Assert.Equal("vectors[1].vector[0]", error.Errors[3].Field);
        Assert.EndsWith("(and 99 more)", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("""{"collection":"c","vectors":[{"id":"a","vector":[1,2""")]
    [InlineData("""{"collection":"c","vectors":[{"id":"a","vector":[1,2]}]} x""")]
    [InlineData("""{"collection":"c","vectors":[{"id":"a","vector":[NaN]}]}""")]
    [InlineData("""{"collection":"c","vectors":[{"id":"a","vector":[1,]}]}""")]
    [InlineData("""{"collection":"c","vectors":[{"id":"a","vector":[1}]]}""")]
    [InlineData("""{"collection":"c","vectors":[{"id":"a","vector":[1]}],}""")]
    public void What_is_not_JSON_is_told_with_its_place(string json)
    {
        var error = Assert.Throws<ApiException>(() => Upsert(json));

        Assert.Equal(ErrorCodes.MalformedJson, error.Code);
        Assert.Contains("line 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_deep_a_body_is_refused_as_such()
    {
        var deep = string.Concat(Enumerable.Repeat("""{"a":""", 40)) + "1" + new string('}', 40);

        var error = Assert.Throws<ApiException>(
            () => Upsert($$"""{"collection":"c","vectors":[{"id":"a","vector":[1],"metadata":{{deep}}}]}"""));

        Assert.Equal(ErrorCodes.TooDeep, error.Code);
    }

    [Fact]
    public void Ten_thousand_rows_pass_and_one_more_does_not()
    {
        static string Body(int rows) => $$"""
            {"collection":"c","vectors":[{{string.Join(",", Enumerable.Range(0, rows)
                .Select(i => string.Create(CultureInfo.InvariantCulture, $"{{\"id\":{i},\"vector\":[{i}]}}")))}}]}
            """;

        Assert.Equal(10_000, Upsert(Body(10_000)).Request.Rows.Count);
        var error = Assert.Throws<ApiException>(() => Upsert(Body(10_001)));

        Assert.Equal(ErrorCodes.TooManyRows, error.Code);
        Assert.Contains("10001", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dimensions_and_zero_vectors_are_checked_against_the_collection_by_row()
    {
        var body = Upsert("""
            {"collection":"c","vectors":[{"id":1,"vector":[1,2]},{"id":2,"vector":[1]},{"id":3,"vector":[0,-0.0]}]}
            """);

        var error = Assert.Throws<ApiException>(() => body.CheckVectors(2, refuseZero: true));

        Assert.Equal(["vectors[1].vector", "vectors[2].vector"], error.Errors.Select(e => e.Field));
        Assert.Equal([40001, 40003], error.Errors.Select(e => e.Code));
        Assert.Equal("expected 2 dimensions, came 1", error.Errors[0].Message);
    }

    [Fact]
    public void A_search_is_read_with_all_it_can_ask()
    {
        var body = Search("""
            {"collection":"c","vector":[1,2],"top_k":3,"filter":{"a":{"$gt":1}},"params":{"ef":50,"exact":true,
             "nprobe":4},"include":["metadata","vector"],"score_threshold":0.5,"offset":7}
            """);

        var request = body.Request;
        Assert.Equal([1f, 2f], request.Queries[0].Values);
        Assert.Equal((3, 50, true, 4, 7), (request.TopK, request.Ef, request.Exact, request.Nprobe, request.Offset));
        Assert.Equal("""{"a":{"$gt":1}}""", request.FilterJson.ToStringUtf8());
        Assert.True(request.IncludeMetadata && request.IncludeVector && request.HasScoreThreshold);
        Assert.False(body.Batch);
    }

    [Fact]
    public void A_batch_may_mix_arrays_and_base64()
    {
        var body = Search("""{"collection":"c","vectors":[[1,2],"AACAPwAAAMA="]}""");

        Assert.True(body.Batch);
        Assert.Equal([1f, -2f], body.Request.Queries[1].Values);
    }

    [Theory]
    [InlineData("""{"vector":[1]}""", "collection", 10005)]
    [InlineData("""{"collection":"c"}""", "vector", 10005)]
    [InlineData("""{"collection":5,"vector":[1]}""", "collection", 10004)]
    [InlineData("""{"collection":"c","vector":[1],"text":"t"}""", "vector", 10001)]
    [InlineData("""{"collection":"c","vector":[1],"top_k":0}""", "top_k", 10001)]
    [InlineData("""{"collection":"c","vector":[1],"top_k":16385}""", "top_k", 10001)]
    [InlineData("""{"collection":"c","vector":[1],"top_k":"3"}""", "top_k", 10004)]
    [InlineData("""{"collection":"c","vector":[1],"offset":-1}""", "offset", 10001)]
    [InlineData("""{"collection":"c","vector":[1],"params":{"ef":0}}""", "params.ef", 10001)]
    [InlineData("""{"collection":"c","vector":[1],"params":{"efSearch":9}}""", "params.efSearch", 10003)]
    [InlineData("""{"collection":"c","vector":[1],"params":{"exact":1}}""", "params.exact", 10004)]
    [InlineData("""{"collection":"c","vector":[1],"include":["vectors"]}""", "include[0]", 10001)]
    [InlineData("""{"collection":"c","vector":[1],"include":"vector"}""", "include", 10004)]
    [InlineData("""{"collection":"c","vector":[1],"score_threshold":1e40}""", "score_threshold", 10001)]
    [InlineData("""{"collection":"c","vector":[1],"filter":[]}""", "filter", 10004)]
    [InlineData("""{"collection":"c","vector":[1],"filter":{"a":1,"a":2}}""", "filter", 40004)]
    [InlineData("""{"collection":"c","vector":[1],"limit":3}""", "limit", 10003)]
    [InlineData("""{"collection":"c","vectors":[]}""", "vectors", 10001)]
    [InlineData("""{"collection":"c","vectors":[[1],[1e40]]}""", "vectors[1][0]", 40002)]
    [InlineData("""{"collection":"c","vectors":[[1],5]}""", "vectors[1]", 10004)]
    public void A_bad_search_is_named_by_field(string json, string field, int code)
    {
        var error = Assert.Throws<ApiException>(() => Search(json));

        Assert.Equal(code, error.Code.Number);
        Assert.Equal(field, error.Errors[0].Field);
    }

    [Fact]
    public void An_empty_filter_does_not_delete_everything()
    {
        var error = Assert.Throws<ApiException>(
            () => RowsBody.Read("""{"collection":"c","filter":{ }}"""u8, takesFilter: true));

        Assert.Equal(ErrorCodes.FilterInvalid, error.Code);
    }

    private static UpsertBody Upsert(string json) => UpsertBody.Read(Encoding.UTF8.GetBytes(json), Now);

    private static SearchBody Search(string json) => SearchBody.Read(Encoding.UTF8.GetBytes(json));
}
