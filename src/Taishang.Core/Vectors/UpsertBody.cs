using System.Text.Json;
using Google.Protobuf;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>The rows of one upsert, read straight into the message that the worker gets.</summary>
internal sealed class UpsertBody
{
    private const string List = "vectors";
    private const string RowFields = "id, vector, vector_b64, text, metadata, ttl_seconds";

    private const int CollectionBit = 1;
    private const int VectorsBit = 2;

    private UpsertBody()
    {
    }

    public string Collection { get; private set; } = "";

    public UpsertVectorsRequest Request { get; } = new();

    /// <summary>Rows that brought text in place of a vector.</summary>
    public List<TextRow> Texts { get; } = [];

    /// <exception cref="ApiException">With every broken rule that was found, by field and row.</exception>
    public static UpsertBody Read(ReadOnlySpan<byte> json, DateTimeOffset now)
    {
        var body = new UpsertBody();
        BodyReader.ReadAll(json, (ref reader) => body.ReadFields(ref reader, now));
        return body;
    }

    /// <summary>What can be checked only once the collection is known.</summary>
    public void CheckVectors(int dims, bool refuseZero)
    {
        var errors = new FieldErrors();
        var rows = Request.Rows;
        var text = 0;
        for (var row = 0; row < rows.Count; row++)
        {
            // Texts stand in the order of their rows.
            var fromText = text < Texts.Count && Texts[text].Row == row;
            if (fromText) text++;
            var path = new FieldPath(fromText ? "text" : "vector", List, row);
            VectorChecks.Check(errors, path, UnsafeCollectionOperations.AsSpan(rows[row].Vector), dims, refuseZero);
        }

        errors.ThrowIfAny();
    }

    private void ReadFields(ref BodyReader reader, DateTimeOffset now)
    {
        var seen = 0;
        while (reader.NextField())
        {
            if (reader.Is("collection"u8))
            {
                if (reader.Once(ref seen, CollectionBit, new FieldPath("collection")))
                    Collection = reader.String(new FieldPath("collection"), BodyFields.CollectionCharactersMax) ?? "";
            }
            else if (reader.Is("vectors"u8))
            {
                if (reader.Once(ref seen, VectorsBit, new FieldPath(List))) ReadRows(ref reader, now);
            }
            else
            {
                reader.RefuseField(new FieldPath(""), "collection, vectors");
            }
        }

        reader.Finish();
        BodyFields.Require(reader.Errors, seen, CollectionBit, "collection");
        BodyFields.Require(reader.Errors, seen, VectorsBit, List);
    }

    private void ReadRows(ref BodyReader reader, DateTimeOffset now)
    {
        if (!reader.Enters(JsonTokenType.StartArray, new FieldPath(List))) return;
        using var buffer = new FloatBuffer();
        var row = 0;
        for (; reader.NextElement(); row++)
        {
            if (row >= VectorLimits.RowsMax)
            {
                reader.Skip();
                continue;
            }

            Request.Rows.Add(ReadRow(ref reader, row, buffer, now));
        }

        if (row > VectorLimits.RowsMax)
            reader.Errors.Add(
                ErrorCodes.TooManyRows, List, $"expected at most {VectorLimits.RowsMax} rows, came {row}");
        if (row == 0) reader.Errors.Add(ErrorCodes.InvalidArgument, List, "expected at least one row, came none");
    }

    private Row ReadRow(ref BodyReader reader, int row, FloatBuffer buffer, DateTimeOffset now)
    {
        var result = new Row();
        if (!reader.Enters(JsonTokenType.StartObject, At("", row))) return result;
        var seen = RowParts.None;
        while (reader.NextField())
        {
            if (reader.Is("id"u8))
            {
                if (Once(ref reader, ref seen, RowParts.Id, "id", row))
                    result.Id = VectorIds.Read(ref reader, At("id", row));
            }
            else if (reader.Is("vector"u8))
            {
                if (Once(ref reader, ref seen, RowParts.Vector, "vector", row)
                    && reader.Vector(At("vector", row), buffer)) result.Vector.AddRange(buffer.Written);
            }
            else if (reader.Is("vector_b64"u8))
            {
                if (Once(ref reader, ref seen, RowParts.Base64, "vector_b64", row)
                    && reader.VectorBase64(At("vector_b64", row), buffer)) result.Vector.AddRange(buffer.Written);
            }
            else if (reader.Is("text"u8))
            {
                if (Once(ref reader, ref seen, RowParts.Text, "text", row)
                    && reader.String(At("text", row), VectorLimits.TextCharactersMax) is { } text)
                    Texts.Add(new TextRow(row, text));
            }
            else if (reader.Is("metadata"u8))
            {
                if (Once(ref reader, ref seen, RowParts.Metadata, "metadata", row) && !reader.IsNull)
                    result.MetadataJson = BodyFields.Bytes(reader.Object(
                        At("metadata", row), ErrorCodes.MetadataInvalid, VectorLimits.MetadataBytesMax));
            }
            else if (reader.Is("ttl_seconds"u8))
            {
                if (Once(ref reader, ref seen, RowParts.Ttl, "ttl_seconds", row) && !reader.IsNull
                    && reader.Integer(At("ttl_seconds", row), 1, VectorLimits.TtlSecondsMax) is { } seconds)
                    result.ExpiresAtMs = now.AddSeconds(seconds).ToUnixTimeMilliseconds();
            }
            else
            {
                reader.RefuseField(At("", row), RowFields);
            }
        }

        CheckParts(reader.Errors, seen, row);
        return result;
    }

    private static void CheckParts(FieldErrors errors, RowParts seen, int row)
    {
        if ((seen & RowParts.Id) == RowParts.None)
            errors.Add(ErrorCodes.MissingField, At("id", row).ToString(), "required and missing");
        var forms = System.Numerics.BitOperations.PopCount((uint)(seen & RowParts.AnyVector));
        if (forms == 0)
            errors.Add(ErrorCodes.MissingField, At("vector", row).ToString(),
                "required and missing: one of vector, vector_b64, text");
        else if (forms > 1)
            errors.Add(ErrorCodes.InvalidArgument, At("", row).ToString(),
                $"expected one of vector, vector_b64, text, came {forms}");
    }

    private static bool Once(ref BodyReader reader, ref RowParts seen, RowParts part, string name, int row)
    {
        var bits = (int)seen;
        var first = reader.Once(ref bits, (int)part, At(name, row));
        seen = (RowParts)bits;
        return first;
    }

    private static FieldPath At(string name, int row) => new(name, List, row);

    [Flags]
    private enum RowParts
    {
        None = 0,
        Id = 1,
        Vector = 2,
        Base64 = 4,
        Text = 8,
        Metadata = 16,
        Ttl = 32,
        AnyVector = Vector | Base64 | Text,
    }
}

/// <param name="Row">Zero-based position in the request.</param>
/// <param name="Text">To be embedded.</param>
internal readonly record struct TextRow(int Row, string Text);
