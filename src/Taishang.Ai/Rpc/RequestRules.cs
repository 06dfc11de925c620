using Google.Protobuf;
using Google.Protobuf.Collections;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Filtering;

namespace Taishang.Ai.Rpc;

/// <summary>Checks that are the message's own; what depends on a collection is checked by the engine.</summary>
internal static class RequestRules
{
    public static Guid CollectionId(string text) => Uuid("collection_id", text);

    public static Guid Uuid(string field, string text) =>
        text.Length == 36 && Guid.TryParseExact(text, "D", out var id)
            ? id
            : throw new WorkerException(
                ErrorCode.InvalidArgument, $"{field}: expected a UUID of 36 characters, got '{Shown(text)}'", field);

    public static void Range(string field, long value, long lowest, long highest)
    {
        if (value < lowest || value > highest)
            throw new WorkerException(
                ErrorCode.InvalidArgument, $"{field}: expected {lowest} to {highest}, got {value}", field);
    }

    public static VectorId Id(RowId? id, Func<string> field) => id?.KindCase switch
    {
        RowId.KindOneofCase.Integer => VectorId.FromInteger(id.Integer),
        RowId.KindOneofCase.Text when id.Text.Length is > 0 and <= RpcLimits.IdCharsMax => new VectorId(id.Text),
        RowId.KindOneofCase.Text => throw new WorkerException(
            ErrorCode.VectorIdInvalid,
            $"{field()}: expected 1 to {RpcLimits.IdCharsMax} characters, got {id.Text.Length}", field()),
        _ => throw new WorkerException(ErrorCode.VectorIdInvalid, $"{field()}: the id is missing", field()),
    };

    public static VectorId[] Ids(RepeatedField<RowId> ids)
    {
        if (ids.Count > RpcLimits.RowsMax)
            throw new WorkerException(
                ErrorCode.TooManyRows, $"ids: at most {RpcLimits.RowsMax} in one call, got {ids.Count}", "ids");
        var found = new VectorId[ids.Count];
        for (var i = 0; i < found.Length; i++)
        {
            var row = i;
            found[i] = Id(ids[i], () => $"ids[{row}]");
        }

        return found;
    }

    /// <summary>Null when there is none.</summary>
    public static MetadataFilter? Filter(ByteString json)
    {
        if (json.IsEmpty) return null;
        if (json.Length > RpcLimits.FilterBytesMax)
            throw new WorkerException(
                ErrorCode.FilterInvalid, $"filter: at most {RpcLimits.FilterBytesMax} bytes, got {json.Length}",
                "filter");
        return MetadataFilter.Parse(json.Span);
    }

    public static VectorRow[] Rows(RepeatedField<Row> rows)
    {
        if (rows.Count > RpcLimits.RowsMax)
            throw new WorkerException(
                ErrorCode.TooManyRows, $"rows: at most {RpcLimits.RowsMax} in one call, got {rows.Count}", "rows");
        var found = new VectorRow[rows.Count];
        for (var i = 0; i < found.Length; i++)
        {
            var row = rows[i];
            var number = i;
            if (row.ExpiresAtMs is < 0 or > RpcLimits.UnixMsMax)
                throw new WorkerException(
                    ErrorCode.InvalidArgument,
                    $"rows[{i}].expires_at_ms: expected 0 to {RpcLimits.UnixMsMax}, got {row.ExpiresAtMs}",
                    $"rows[{i}].expires_at_ms");
            found[i] = new VectorRow(
                Id(row.Id, () => $"rows[{number}].id"),
                RepeatedFloats.AsMemory(row.Vector),
                row.MetadataJson.Memory,
                row.ExpiresAtMs == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.ExpiresAtMs));
        }

        return found;
    }

    private static string Shown(string text) => text.Length <= 64 ? text : string.Concat(text.AsSpan(0, 64), "…");
}
