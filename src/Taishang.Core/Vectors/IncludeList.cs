using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>The list that says what comes with each row: metadata, vector.</summary>
internal static class IncludeList
{
    public static void Read(ref BodyReader reader, SearchVectorsRequest request)
    {
        var (metadata, vector) = Read(ref reader);
        (request.IncludeMetadata, request.IncludeVector) = (metadata, vector);
    }

    public static (bool Metadata, bool Vector) Read(ref BodyReader reader)
    {
        var (metadata, vector) = (false, false);
        if (!reader.Enters(JsonTokenType.StartArray, new FieldPath("include"))) return default;
        for (var i = 0; reader.NextElement(); i++)
        {
            var path = new FieldPath("", "include", i);
            if (reader.Token != JsonTokenType.String)
            {
                reader.WrongType(path, "metadata or vector");
                continue;
            }

            var doubled = false;
            if (reader.Is("metadata"u8)) (doubled, metadata) = (metadata, true);
            else if (reader.Is("vector"u8)) (doubled, vector) = (vector, true);
            else reader.Errors.Add(ErrorCodes.InvalidArgument, path.ToString(), "expected metadata or vector");
            if (doubled) reader.Errors.Add(ErrorCodes.InvalidArgument, path.ToString(), "given twice");
        }

        return (metadata, vector);
    }
}
