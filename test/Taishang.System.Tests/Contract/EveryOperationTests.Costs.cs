namespace Taishang.System.Tests.Contract;

public sealed partial class EveryOperationTests
{
    private sealed partial class Day
    {
        private async Task BudgetsAsync()
        {
            var id = Text(
                await driver.SucceedAsync(new Call("createBudget", null, Example("createBudget", "tokens"))), "id");
            await driver.SucceedAsync(new Call("createBudget", null, Example("createBudget", "money")));
            await driver.FailAsync(409, 20032, new Call("createBudget", null, Example("createBudget", "tokens")));
            await driver.FailAsync(400, 20036, new Call("createBudget", null, Json(
                """{ "name": "none", "unit": "calls", "period": "day", "limit": 0.5 }""")));
            await driver.SucceedAsync(new Call("listBudgets") { Query = "tenant=acme&unit=tokens&sort=name" });
            var budget = await driver.SucceedAsync(new Call("getBudget", "acme-daily"));
            Assert.Equal(1000, (int)budget["state"]!["left"]!);
            await driver.SucceedAsync(new Call("replaceBudget", id, Example("replaceBudget")));
            await driver.FailAsync(400, 20036, new Call("replaceBudget", id, Json(
                """{ "name": "acme-daily", "unit": "calls", "period": "day", "limit": 5 }""")));
            await driver.SucceedAsync(new Call("createBudget", null, Json(
                """{ "name": "narrow", "tenant": "small", "unit": "tokens", "period": "month", "limit": 1 }""")));
            var small = new Dictionary<string, string> { ["X-Taishang-Tenant"] = "small" };
            await driver.FailAsync(429, 20030, new Call("embedText", null, Json("""{ "text": "too dear" }"""))
            {
                Headers = small,
            });
            await driver.FailAsync(429, new Call("openAiEmbeddings", null, Example("openAiEmbeddings"))
            {
                Headers = small,
            });
            await UsageAsync();
            await driver.SucceedAsync(new Call("deleteBudget", id));
            await driver.FailAsync(404, 20034, new Call("getBudget", id));
        }

        private async Task UsageAsync()
        {
            var usage = await driver.SucceedAsync(new Call("getUsage")
            {
                Query = "bucket=hour&group_by=tenant,key_id,model,version,route&page_size=5",
            });
            Assert.True((long)usage["totals"]!["calls"]! > 0);
            await driver.FailAsync(400, 20037, new Call("getUsage") { Query = "from=2026-11-26T08:30:00Z" });
            await driver.SucceedAsync(new Call("correctUsage", null, Example("correctUsage", "usage")));
            await driver.SucceedAsync(new Call("correctUsage", null, Example("correctUsage", "budget")));
            await driver.FailAsync(404, 20034, new Call("correctUsage", null, Json(
                """{ "budget": "nobody", "amount": 1, "reason": "why", "by": "me" }""")));
            await driver.FailAsync(400, 20037, new Call("correctUsage", null, Json(
                """{ "amount": 1, "reason": "why", "by": "me" }""")));
            var list = await driver.SucceedAsync(
                new Call("listUsageCorrections") { Query = "budget=narrow&sort=created_at" });
            Assert.Equal(1, (int)list["total"]!);
        }
    }
}
